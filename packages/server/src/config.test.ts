import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConfigError, readConfig, settings } from './config.ts'

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'mesh-config-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

const write = (text: string) => writeFileSync(join(cwd, '.env'), text)
const read = (env: Record<string, string | undefined> = {}) => readConfig({ env, cwd })

function refusal(env: Record<string, string>): string {
  try {
    read(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('accepted')
}

describe('readConfig', () => {
  it('has a default for everything but the public URL', () => {
    expect(read()).toEqual({
      host: '127.0.0.1',
      port: 7330,
      dataDir: join(cwd, 'mesh-data'),
      keysDir: join(cwd, 'mesh-data'),
      database: { file: join(cwd, 'mesh-data', 'mesh.db') },
      allowedOrigins: [],
      trustedProxies: [],
      logLevel: 'info',
      drainMs: 5_000,
      keyRotationDays: 30,
      limits: {},
      unknown: [],
      exposed: [],
    })
  })

  it('reads every setting', () => {
    const config = read({
      MESH_HOST: '[::]',
      MESH_PORT: '0',
      MESH_DATA_DIR: '/data',
      MESH_KEYS_DIR: 'keys',
      MESH_DATABASE_URL: 'sqlite:other.db',
      MESH_PUBLIC_URL: 'https://Mesh.Example.org:443/base/',
      MESH_ALLOWED_ORIGINS: 'https://a.example, HTTP://B.example:80,https://a.example',
      MESH_TRUSTED_PROXIES: '127.0.0.1, fd00::/8',
      MESH_TURN_URLS: 'stun:a.example, turn:a.example:3478?transport=udp',
      MESH_TURN_SECRET: 'between us',
      MESH_TURN_GUESTS: 'true',
      MESH_LOG_LEVEL: 'debug',
      MESH_METRICS_PORT: '9464',
      MESH_METRICS_HOST: '10.0.0.1',
      MESH_DRAIN_S: '0',
      MESH_KEY_ROTATION_DAYS: '0',
      MESH_LIMITS: '{"chat":{"text":100}}',
    })
    expect(config).toEqual({
      host: '::',
      port: 0,
      dataDir: '/data',
      keysDir: join(cwd, 'keys'),
      database: { file: join(cwd, 'other.db') },
      publicUrl: 'https://mesh.example.org/base',
      allowedOrigins: ['https://a.example', 'http://b.example'],
      trustedProxies: ['127.0.0.1', 'fd00::/8'],
      turn: { urls: ['stun:a.example', 'turn:a.example:3478?transport=udp'], secret: 'between us', guests: true },
      logLevel: 'debug',
      metrics: { host: '10.0.0.1', port: 9464 },
      drainMs: 0,
      keyRotationDays: 0,
      limits: { chat: { text: 100 } },
      unknown: [],
      exposed: [],
    })
  })

  it('is frozen, all the way down', () => {
    const config = read({ MESH_LIMITS: '{"chat":{"text":100}}' })
    for (const part of [config, config.database, config.allowedOrigins, config.limits, config.limits['chat']]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  it.each([
    ['sqlite:data/a.db', 'data/a.db'],
    ['sqlite://data/a.db', 'data/a.db'],
    ['sqlite:///srv/a.db', '/srv/a.db'],
    ['sqlite:/srv/a.db', '/srv/a.db'],
    ['data/a.db', 'data/a.db'],
    ['/srv/a.db', '/srv/a.db'],
  ])('takes %s for a database', (url, path) => {
    expect(read({ MESH_DATABASE_URL: url }).database).toEqual({ file: path.startsWith('/') ? path : join(cwd, path) })
  })

  it.each(['postgres://u:hunter2@db/mesh', 'postgresql://db:5432/mesh?sslmode=verify-full'])(
    'takes %s for a PostgreSQL database',
    (url) => {
      expect(read({ MESH_DATABASE_URL: url }).database).toEqual({ url })
    },
  )

  it.each([
    ['MESH_HOST', 'http://localhost', 'a host name or an IP address'],
    ['MESH_HOST', 'localhost:80', 'a host name or an IP address'],
    ['MESH_PORT', '65536', 'a port number from 0 to 65535.'],
    ['MESH_PORT', '-1', 'a port number from 0 to 65535.'],
    ['MESH_PORT', '80.5', 'a port number from 0 to 65535.'],
    ['MESH_PORT', 'tcp://10.0.0.7:7330', 'Kubernetes'],
    ['MESH_DATABASE_URL', 'postgres://u:hunter2@db:port/mesh', 'special characters in the password %-encoded'],
    ['MESH_DATABASE_URL', 'postgresql://u:hunter2#@@db:x/mesh', 'special characters in the password %-encoded'],
    ['MESH_REDIS_URL', 'localhost:hunter2', 'redis://user:password@host:6379'],
    ['MESH_REDIS_URL', 'redis://u:hunter2@h:port', 'redis://user:password@host:6379'],
    ['MESH_DATABASE_URL', 'mysql://u:hunter2@db/mesh', 'a SQLite file'],
    ['MESH_DATABASE_URL', 'sqlite:', 'a SQLite file'],
    ['MESH_DATABASE_URL', 'sqlite::memory:', 'a SQLite file'],
    ['MESH_DATABASE_URL', 'sqlite:data/', 'a SQLite file'],
    ['MESH_DATABASE_URL', 'sqlite:a.db?mode=ro', 'a SQLite file'],
    ['MESH_PUBLIC_URL', 'mesh.example.org', 'an http or https URL'],
    ['MESH_PUBLIC_URL', 'ftp://mesh.example.org', 'an http or https URL'],
    ['MESH_PUBLIC_URL', 'https://u:hunter2@mesh.example.org', 'an http or https URL'],
    ['MESH_PUBLIC_URL', 'https://mesh.example.org/?', 'an http or https URL'],
    ['MESH_ALLOWED_ORIGINS', '*', 'exact origins'],
    ['MESH_ALLOWED_ORIGINS', 'null', 'exact origins'],
    ['MESH_ALLOWED_ORIGINS', 'https://a.example,https://b.example/', 'exact origins'],
    ['MESH_ALLOWED_ORIGINS', 'https://*.example', 'exact origins'],
    ['MESH_TRUSTED_PROXIES', 'nginx', 'IP addresses and networks'],
    ['MESH_TURN_URLS', 'turn://hunter2', 'stun:, stuns:, turn: and turns: URLs'],
    ['MESH_TURN_URLS', 'turn:a.example,hunter2', 'stun:, stuns:, turn: and turns: URLs'],
    ['MESH_TURN_GUESTS', 'yes', 'true or false'],
    ['MESH_WEBHOOK_URL', 'mesh.example', 'an http or https URL'],
    ['MESH_WEBHOOK_SECRET', 'hunter2', 'at least 24 random characters'],
    ['MESH_WEBHOOK_SECRET', `whsec_hunter2${'!'.repeat(40)}`, 'whsec_ and at least 24 random bytes in base64'],
    ['MESH_WEBHOOK_SECRET', `whsec_${Buffer.alloc(23, 1).toString('base64')}`, 'whsec_ and at least 24 random bytes'],
    ['MESH_LOG_LEVEL', 'verbose', 'one of debug, info, warn, error, silent'],
    ['MESH_KEY_ROTATION_DAYS', '-1', 'a whole number of days'],
    ['MESH_KEY_ROTATION_DAYS', '1.5', 'a whole number of days'],
    ['MESH_LIMITS', '{', 'a JSON object'],
    ['MESH_LIMITS', '[]', 'a JSON object'],
    ['MESH_LIMITS', 'null', 'a JSON object'],
  ])('refuses %s=%s', (name, value, expected) => {
    const message = refusal({ [name]: value })
    expect(message).toMatch(new RegExp(`^${name} must be .*\\.$`))
    expect(message).toContain(expected)
    expect(message).not.toContain('hunter2')
    expect(message.match(/[.!?](\s|$)/g)).toHaveLength(1)
  })

  it('refuses half of what a relay needs, and is content with STUN alone', () => {
    expect(refusal({ MESH_TURN_URLS: 'turn:a.example' })).toContain('MESH_TURN_SECRET must be set')
    expect(refusal({ MESH_TURN_SECRET: 'hunter2' })).toBe('MESH_TURN_SECRET is of no use without MESH_TURN_URLS.')
    expect(read({ MESH_TURN_URLS: 'stun:a.example' }).turn).toEqual({ urls: ['stun:a.example'], guests: false })
  })

  it('names the nearest setting for one that does not exist', () => {
    expect(refusal({ MESH_PROT: '1' })).toBe('MESH_PROT is not a setting: did you mean MESH_PORT?')
    expect(refusal({ MESH_ALLOWED_ORIGIN: '1' })).toBe(
      'MESH_ALLOWED_ORIGIN is not a setting: did you mean MESH_ALLOWED_ORIGINS?',
    )
  })

  it('only lists the ones that resemble none: they may be for another version, or another program', () => {
    const { unknown, port } = read({ MESH_COMPLETELY_DIFFERENT_THING: '1', MESH_PORT: '7001' })
    expect(unknown).toEqual(['MESH_COMPLETELY_DIFFERENT_THING'])
    expect(port).toBe(7001)
  })

  it('leaves other variables alone, and those that Kubernetes adds for a service of our name', () => {
    const links = {
      MESH_SERVICE_HOST: '10.0.0.7',
      MESH_SERVICE_PORT: '7330',
      MESH_SERVICE_PORT_HTTP: '7330',
      MESH_PORT_7330_TCP: 'tcp://10.0.0.7:7330',
      MESH_PORT_7330_TCP_ADDR: '10.0.0.7',
    }
    expect(read({ ...links, MESH_PORT: '7000', MESHED: '1', PATH: '/bin' }).port).toBe(7000)
  })
})

describe('the .env file', () => {
  it('is read from the working directory, with quotes and comments', () => {
    write('\uFEFFMESH_PORT=7001 # ours\nOTHER=1\nMESH_LIMITS=\'{"a": 1}\'\n')
    expect(read()).toMatchObject({ port: 7001, limits: { a: 1 } })
  })

  it('yields to the environment', () => {
    write('MESH_PORT=7001\nMESH_LOG_LEVEL=warn')
    expect(read({ MESH_PORT: '7002' })).toMatchObject({ port: 7002, logLevel: 'warn' })
  })

  it('is overruled by an empty variable too, which brings the default back', () => {
    write('MESH_PORT=7001\nMESH_PUBLIC_URL=')
    const config = read({ MESH_PORT: '' })
    expect(config.port).toBe(7330)
    expect(config).not.toHaveProperty('publicUrl')
  })

  it('is checked like the environment', () => {
    write('MESH_PROT=7001')
    expect(() => read()).toThrow('did you mean MESH_PORT?')
  })

  it('may be missing, or be a directory', () => {
    mkdirSync(join(cwd, '.env'))
    expect(read().port).toBe(7330)
  })
})

describe('a secret in a file', () => {
  const file = () => join(cwd, 'secret')
  const secretFile = (text: string, mode = 0o600) => {
    writeFileSync(file(), text)
    chmodSync(file(), mode)
    return { MESH_DATABASE_URL_FILE: 'secret' }
  }

  it('counts as the setting, without the line end', () => {
    expect(read(secretFile('sqlite:other.db\n'))).toMatchObject({
      database: { file: join(cwd, 'other.db') },
      unknown: [],
      exposed: [],
    })
  })

  it('may be named in .env, and is checked like the setting', () => {
    secretFile('mysql://u:hunter2@db/mesh')
    write('MESH_DATABASE_URL_FILE=secret')
    expect(() => read()).toThrow(/^MESH_DATABASE_URL must be postgres:\/\/.* or a SQLite file/)
  })

  it('is refused beside the setting itself, but not beside an empty one', () => {
    const both = { ...secretFile('sqlite:other.db'), MESH_DATABASE_URL: 'sqlite:a.db' }
    expect(refusal(both)).toBe('Set MESH_DATABASE_URL or MESH_DATABASE_URL_FILE, not both.')
    expect(read({ ...both, MESH_DATABASE_URL: '' }).database).toEqual({ file: join(cwd, 'other.db') })
  })

  it('is refused when it is missing, empty, too long, or no file, in words that do not repeat it', () => {
    expect(refusal({ MESH_DATABASE_URL_FILE: 'hunter2' })).toBe(
      'MESH_DATABASE_URL_FILE must be a file of at most 65536 bytes that can be read (ENOENT).',
    )
    expect(refusal({ MESH_DATABASE_URL_FILE: '.' })).toContain('a file of at most')
    expect(refusal(secretFile('hunter2'.repeat(10_000)))).toMatch(/a file of at most 65536 bytes that can be read\.$/)
    expect(refusal(secretFile(' \n'))).toBe('MESH_DATABASE_URL_FILE must be a file that is not empty.')
  })

  it('is refused when others can write it, and noted when they can read it', () => {
    expect(refusal(secretFile('sqlite:a.db', 0o620))).toContain('only its owner can write')
    expect(refusal(secretFile('sqlite:a.db', 0o602))).toContain('only its owner can write')
    expect(read(secretFile('sqlite:a.db', 0o444)).exposed).toEqual(['MESH_DATABASE_URL_FILE'])
    expect(read(secretFile('sqlite:a.db', 0o400)).exposed).toEqual([])
  })

  it('is for secrets alone', () => {
    expect(refusal({ MESH_LOG_LEVEL_FILE: 'secret' })).toContain('is not a setting: did you mean MESH_LOG_LEVEL?')
  })
})

describe('MESH_REDIS_URL', () => {
  it('goes with PostgreSQL, which nodes can share', () => {
    const MESH_REDIS_URL = 'rediss://u:p@redis:6380/1'
    const { redisUrl } = read({ MESH_REDIS_URL, MESH_DATABASE_URL: 'postgres://u:p@db/mesh' })
    expect(redisUrl).toBe(MESH_REDIS_URL)
    expect(refusal({ MESH_REDIS_URL })).toContain('set MESH_DATABASE_URL as well')
  })
})

describe('settings', () => {
  it('documents each setting, with the default that holds', () => {
    const defaults = Object.fromEntries(
      settings.flatMap(({ name, default: value }) =>
        value === undefined || value.includes('<') ? [] : [[name, value]],
      ),
    )
    expect(read(defaults)).toEqual(read())
    for (const { description } of settings) expect(description).toMatch(/\.$/)
  })
})
