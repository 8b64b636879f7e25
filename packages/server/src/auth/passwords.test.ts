import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { hashSync } from '@node-rs/bcrypt'
import { SignJWT, generateKeyPair, jwtVerify } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { checkPassword } from './password-rules.ts'
import type { PasswordOptions, Passwords } from './passwords.ts'
import { createPasswords } from './passwords.ts'

const open: Passwords[] = []
const create = (options: PasswordOptions = {}) => {
  const passwords = createPasswords({ cost: 4, ...options })
  open.push(passwords)
  return passwords
}
afterEach(async () => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  await Promise.all(open.splice(0).map((passwords) => passwords.close()))
})

const good = 'a good long password'

async function took(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await action()
  return performance.now() - start
}

async function fastest(times: number, action: () => Promise<unknown>): Promise<number> {
  let best = Infinity
  for (let i = 0; i < times; i++) best = Math.min(best, await took(action))
  return best
}

describe('checkPassword', () => {
  it('takes 12 characters to 72 bytes, in NFC', () => {
    expect(checkPassword('a'.repeat(12))).toBe('a'.repeat(12))
    expect(checkPassword('a'.repeat(72))).toBe('a'.repeat(72))
    expect(checkPassword('e\u0301'.repeat(36))).toBe('é'.repeat(36))
    expect(checkPassword('😀'.repeat(12))).toBe('😀'.repeat(12))
  })

  it('does not spend time on sorting a flood of combining marks', () => {
    const flood = `a${'\u0315\u0300'.repeat(15_000)}`
    const start = performance.now()
    expect(() => checkPassword(flood)).toThrow('at most 72 bytes')
    expect(performance.now() - start).toBeLessThan(20)
  })

  it.each([
    ['a'.repeat(11), 'password_too_short'],
    ['e\u0301'.repeat(11), 'password_too_short'],
    ['😀'.repeat(11), 'password_too_short'],
    ['', 'password_too_short'],
    ['a'.repeat(73), 'password_too_long'],
    ['é'.repeat(37), 'password_too_long'],
    ['a'.repeat(100_000), 'password_too_long'],
    ['long enough \ud800', 'password_characters'],
    ['long enough \0', 'password_characters'],
    ['Password1234', 'password_common'],
    ['123456789012', 'password_common'],
  ])('refuses %j (%s)', (password, reason) => {
    expect(() => checkPassword(password)).toThrow(
      expect.objectContaining({ code: 'BAD_MESSAGE', details: { reason }, message: expect.stringMatching(/password/) }),
    )
  })
})

describe('createPasswords', () => {
  it('hashes with bcrypt at the given cost, and verifies', async () => {
    const passwords = create()
    const hash = await passwords.hash(good)
    expect(hash).toMatch(/^\$2b\$04\$/)
    expect(await passwords.verify(good, hash)).toBe(true)
    expect(await passwords.verify(`${good}!`, hash)).toBe(false)
  })

  it('hashes at cost 12 unless told', async () => {
    const passwords = createPasswords()
    open.push(passwords)
    expect(await passwords.hash(good)).toMatch(/^\$2b\$12\$/)
  })

  it('does not care how an accent was typed', async () => {
    const passwords = create()
    const hash = await passwords.hash('Un e\u0301te\u0301 a\u0300 la mer')
    expect(await passwords.verify('Un \u00e9t\u00e9 \u00e0 la mer', hash)).toBe(true)
  })

  it('refuses to hash a password that breaks a rule', async () => {
    await expect(create().hash('short')).rejects.toMatchObject({ code: 'BAD_MESSAGE' })
  })

  it('lets those in whose password is older than the rules', async () => {
    expect(await create().verify('old', hashSync('old', { cost: 4 }))).toBe(true)
  })

  it('is false where bcrypt alone would take another password for the right one', async () => {
    const passwords = create()
    expect(await passwords.verify(`${'a'.repeat(72)}x`, await passwords.hash('a'.repeat(72)))).toBe(false)
    expect(await passwords.verify('long enough \ud801', hashSync('long enough \ufffd', { cost: 4 }))).toBe(false)
    expect(await passwords.verify('', undefined)).toBe(false)
    expect(await passwords.verify('', hashSync('', { cost: 4 }))).toBe(true)
    expect(await passwords.verify('\0', hashSync('', { cost: 4 }))).toBe(false)
  })

  it('takes the same time for an account that does not exist', async () => {
    const passwords = create({ cost: 9 })
    const hash = await passwords.hash(good)
    const known = await fastest(5, () => passwords.verify('wrong', hash))
    const answers: [string, string | undefined][] = [
      [good, undefined],
      [good, ''],
      [good, '!locked'],
      [good, hash.slice(0, -1)],
      [good, `$2b$09$${'z'.repeat(53)}`],
      ['a'.repeat(73), hash],
      ['\ud800', hash],
    ]
    for (const [password, stored] of answers) {
      expect(await passwords.verify(password, stored)).toBe(false)
      const time = await fastest(5, () => passwords.verify(password, stored))
      // Without the dummy hash an answer comes in a thousandth of the time; machines that are busy differ by less than this.
      expect(time).toBeGreaterThan(known * 0.3)
      expect(time).toBeLessThan(known * 4)
    }
  })

  it('answers UNAVAILABLE when the queue is full, and the others still get theirs', async () => {
    const passwords = create({ cost: 8, maxQueue: 2 })
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => passwords.hash(good)))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'])
    expect(results[3]).toMatchObject({ reason: { code: 'UNAVAILABLE', retryable: true } })
  })

  it('answers UNAVAILABLE to who waited too long, and goes on', async () => {
    const passwords = create({ cost: 12, maxWaitMs: 20 })
    const first = passwords.hash(good)
    const second = passwords.hash(good)
    await expect(second).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await first).toMatch(/^\$2b\$/)
    expect(await passwords.hash(good)).toMatch(/^\$2b\$/)
  })

  it('does not count the time of the hash itself as waiting', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const passwords = create({ cost: 10, maxWaitMs: 100 })
    const [first, second, third] = [passwords.hash(good), passwords.hash(good), passwords.hash(good)]
    await first
    const outcomes = Promise.allSettled([second, third])
    vi.advanceTimersByTime(100)
    expect(await outcomes).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected' }])
  })

  it('answers UNAVAILABLE to everybody when the worker dies, and starts another', async () => {
    const { Worker } = await import('node:worker_threads')
    const started: InstanceType<typeof Worker>[] = []
    const { ref } = Worker.prototype
    vi.spyOn(Worker.prototype, 'ref').mockImplementation(function (this: InstanceType<typeof Worker>) {
      if (!started.includes(this)) started.push(this)
      return Reflect.apply(ref, this, [])
    })
    const passwords = create({ cost: 12 })
    const pending = Promise.allSettled([passwords.hash(good), passwords.verify(good, undefined)])
    const fault = new Error('out of memory')
    started[0]?.emit('error', fault)
    await started[0]?.terminate()
    expect(await pending).toMatchObject([
      { status: 'rejected', reason: { code: 'UNAVAILABLE', cause: fault } },
      { status: 'rejected', reason: { code: 'UNAVAILABLE' } },
    ])
    expect(await passwords.verify(good, await passwords.hash(good))).toBe(true)
    expect(started).toHaveLength(2)
  })

  it('answers UNAVAILABLE after close, to those who wait too', async () => {
    const passwords = create({ cost: 12 })
    const waiting = Promise.allSettled([passwords.hash(good), passwords.hash(good)])
    await passwords.close()
    expect(await waiting).toMatchObject([{ reason: { code: 'UNAVAILABLE' } }, { reason: { code: 'UNAVAILABLE' } }])
    await expect(passwords.verify(good, undefined)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await passwords.close()
  })

  it.each([3, 32, 4.5, Number.NaN])('has no cost %s', (cost) => {
    expect(() => createPasswords({ cost })).toThrow(RangeError)
  })

  it('leaves the event loop and the token checks alone while eight hashes are made', async () => {
    const passwords = create({ cost: 12 })
    const { privateKey, publicKey } = await generateKeyPair('EdDSA')
    const token = await new SignJWT({}).setProtectedHeader({ alg: 'EdDSA' }).sign(privateKey)
    await jwtVerify(token, publicKey)
    const one = await fastest(2, () => passwords.hash(good))

    const progress = { hashing: true }
    const done = Promise.all(Array.from({ length: 8 }, () => passwords.hash(good))).finally(() => {
      progress.hashing = false
    })
    const timers: number[] = []
    const checks: number[] = []
    while (progress.hashing) {
      timers.push((await took(() => new Promise((resolve) => setTimeout(resolve, 5)))) - 5)
      checks.push(await took(() => jwtVerify(token, publicKey)))
    }
    await done
    expect(timers.length).toBeGreaterThan(50)
    // On the event loop, or in the pool that token checks need, a single wait would last for several hashes.
    for (const waits of [timers, checks]) {
      expect(waits.toSorted((a, b) => a - b)[Math.floor(waits.length * 0.95)]).toBeLessThan(one / 2)
    }
  })

  it('lets a process finish a hash, and then exit without close', async () => {
    const script = `
      import { createPasswords } from ${JSON.stringify(new URL('./passwords.ts', import.meta.url).href)}
      console.log(await createPasswords({ cost: 10 }).hash('a good long password'))`
    const args = ['--conditions=@mesh/source', '--input-type=module', '--eval', script]
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 })
    expect(stdout).toMatch(/^\$2b\$10\$/)
  })
})
