import { describe, expect, it } from 'vitest'
import { createOriginCheck, normalizeOrigin } from './origin.ts'

const check = (options: Partial<Parameters<typeof createOriginCheck>[0]>) =>
  createOriginCheck({ allowedOrigins: [], boundToLoopback: () => false, ...options })

describe('createOriginCheck', () => {
  it('allows the origin of the public URL, whatever its path', () => {
    const allows = check({ publicUrl: 'https://mesh.example.org/base' })
    expect(allows('https://mesh.example.org')).toBe(true)
    expect(allows('https://MESH.example.org:443')).toBe(true)
  })

  it.each([
    'http://mesh.example.org',
    'https://mesh.example.org:8443',
    'https://mesh.example.org.evil.test',
    'https://evil.test/https://mesh.example.org',
    'https://evil-mesh.example.org',
    'https://sub.mesh.example.org',
    'https://mesh.example.org@evil.test',
    'https://mesh.example.org/',
    'https://mesh.example.org, https://mesh.example.org',
    'null',
    '',
  ])('refuses %s', (origin) => {
    expect(check({ publicUrl: 'https://mesh.example.org' })(origin)).toBe(false)
  })

  it('allows exactly what is on the list, also application shells', () => {
    const allows = check({ allowedOrigins: ['https://App.example:443', 'tauri://localhost'] })
    expect(allows('https://app.example')).toBe(true)
    expect(allows('tauri://localhost')).toBe(true)
    expect(allows('tauri://other')).toBe(false)
  })

  it('takes pages of this machine only without a public URL and bound to loopback', () => {
    const local = ['http://localhost:3000', 'https://127.0.0.1', 'http://[::1]:5173']
    for (const origin of local) {
      expect(check({ boundToLoopback: () => true })(origin)).toBe(true)
      expect(check({ boundToLoopback: () => false })(origin)).toBe(false)
      expect(check({ boundToLoopback: () => true, publicUrl: 'https://mesh.example.org' })(origin)).toBe(false)
    }
  })

  it.each([
    'http://localhost.evil.test',
    'http://127.0.0.1.evil.test',
    'http://192.168.0.2',
    'null',
    'file://localhost',
    'tauri://localhost',
  ])('takes %s for no page of this machine', (origin) =>
    expect(check({ boundToLoopback: () => true })(origin)).toBe(false),
  )

  it('asks for the binding each time', () => {
    let bound = false
    const allows = check({ boundToLoopback: () => bound })
    expect(allows('http://localhost')).toBe(false)
    bound = true
    expect(allows('http://localhost')).toBe(true)
  })

  it.each(['null', '*', 'https://*.example', 'https://app.example/', 'app.example'])(
    'does not start with %s',
    (entry) => {
      expect(() => check({ allowedOrigins: [entry] })).toThrow(TypeError)
    },
  )
})

describe('normalizeOrigin', () => {
  it('writes an origin in one way', () => {
    expect(normalizeOrigin('HTTPS://Example.ORG:443')).toBe('https://example.org')
    expect(normalizeOrigin('http://example.org:8080')).toBe('http://example.org:8080')
    expect(normalizeOrigin('https://bücher.example')).toBe('https://xn--bcher-kva.example')
  })
})
