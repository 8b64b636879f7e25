import { faultOf, type LogFields } from '@mesh/core'
import { expect, test } from 'vitest'
import { createLog } from './log.ts'

function lines(log: (logger: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const written: string[] = []
  log(createLog('debug', { write: (line) => void written.push(line) }))
  return written.map((line) => {
    const { time: _time, level: _level, ...rest } = JSON.parse(line) as Record<string, unknown>
    return rest
  })
}

// Types let nothing else through; this is somebody who went around them.
const smuggled = (fields: object) => fields as LogFields

test('a field that is not on the list is not written, nor anything but text and numbers', () => {
  const logged = lines((log) => {
    log.info(smuggled({ code: 'X', token: 'secret', headers: { cookie: 'secret' } }), 'said')
    log.warn(smuggled({ code: { token: 'secret' }, error: ['secret'], at: new Error('secret'), count: 3 }), 'said')
    log.error(smuggled({ __proto__: { code: 'secret' }, constructor: 'secret', toString: 'secret' }), 'said')
  })
  expect(logged).toEqual([{ code: 'X', msg: 'said' }, { count: 3, msg: 'said' }, { msg: 'said' }])
})

test('text is cut, stays on its line and does nothing to a terminal', () => {
  const [line] = lines((log) => log.info({ at: `a\nb\r\u001b[2Jc\u202ed\u2028e${'x'.repeat(2_000)}` }, 'two\nlines'))
  expect(line?.['msg']).toBe('two lines')
  expect(line?.['at']).toMatch(/^a b\\u000d\\u001b\[2Jc\\u202ed\\u2028ex+$/)
  expect(String(line?.['at']).length).toBeLessThan(600)
})

test.each([
  ['203.0.113.77', '203.0.113.0/24'],
  ['::ffff:203.0.113.77', '203.0.113.0/24'],
  ['2001:db8:aaaa:bbbb:1::1', '2001:db8:aaaa::/48'],
  ['2001:db8::1', '2001:db8:0::/48'],
  ['secret', ''],
])('of an address %s its neighbourhood is written', (address, shown) => {
  expect(lines((log) => log.info({ address }, 'x'))).toEqual([{ address: shown, msg: 'x' }])
})

test('of a foreign error nothing is said that its message may have quoted, however many lines that has', () => {
  const error = new SyntaxError('Unexpected secret\n    at secret (secret:1:2)\n  secret')
  expect(JSON.stringify(faultOf(error))).not.toContain('secret')
  expect(faultOf(error)).toMatchObject({ error: 'SyntaxError', at: expect.stringContaining('log.test.ts') as string })
  const changed = new Error('first')
  changed.message = 'secret\n    at secret (secret:1:2)'
  expect(JSON.stringify(faultOf(changed))).not.toContain('secret')
  expect(faultOf('secret')).toEqual({ error: 'string' })
})
