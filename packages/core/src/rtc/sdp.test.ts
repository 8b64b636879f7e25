import { describe, expect, it } from 'vitest'
import { sdpOf } from '../testing/kit.ts'
import { faultOf } from './sdp.ts'

const bytes = (count: number) => Array(count).fill('AB').join(':')
const sha256 = `a=fingerprint:sha-256 ${bytes(32)}`

describe('a session description', () => {
  it.each([
    ['audio', ['audio'], 'call'],
    ['audio and video', ['audio', 'video', 'video'], 'call'],
    ['no media yet', [], 'call'],
    ['a screen', ['video'], 'screen'],
    ['data', ['application'], 'share:file'],
    ['data', ['application'], 'share:folder'],
    ['data', ['application'], 'terminal:view'],
    ['data', ['application'], 'terminal:control'],
    ['anything, for a word of the host’s own', ['audio', 'application', 'text'], 'whiteboard'],
  ])('passes with %s', (_name, media, purpose) => {
    expect(faultOf(sdpOf(media), purpose)).toBeUndefined()
  })

  it.each([
    ['call', 'application'],
    ['screen', 'application'],
    ['call', 'text'],
    ['call', 'message'],
    ['call', 'image'],
    ['call', 'AUDIO'],
    ['share:file', 'audio'],
    ['share:folder', 'video'],
    ['terminal:view', 'audio'],
    ['terminal:control', 'video'],
  ])('for %s has no %s line, wherever it stands', (purpose, wrong) => {
    const right = purpose === 'call' || purpose === 'screen' ? 'audio' : 'application'
    for (const media of [[wrong], [right, wrong], [wrong, right]])
      expect(faultOf(sdpOf(media), purpose)).toBe('sdp_media')
  })

  it.each([
    ['sha-256', sha256],
    ['sha-384', `a=fingerprint:sha-384 ${bytes(48)}`],
    ['sha-512, in small letters', `a=fingerprint:SHA-512 ${bytes(64).toLowerCase()}`],
  ])('has a fingerprint: %s', (_name, line) => {
    expect(faultOf(sdpOf(['audio'], [line]), 'call')).toBeUndefined()
  })

  it.each([
    ['none', []],
    ['sha-1', [`a=fingerprint:sha-1 ${bytes(20)}`]],
    ['md5', [`a=fingerprint:md5 ${bytes(16)}`]],
    ['sha-256 and sha-1', [sha256, `a=fingerprint:sha-1 ${bytes(20)}`]],
    ['too short', [`a=fingerprint:sha-256 ${bytes(31)}`]],
    ['not hexadecimal', [`a=fingerprint:sha-256 ${bytes(31)}:XY`]],
    ['with something behind it', [`${sha256} x`]],
    ['in the text of another line', [`a=x:${sha256}`]],
  ])('is refused with a fingerprint that is %s', (_name, lines) => {
    expect(faultOf(sdpOf(['audio'], lines), 'call')).toBe('sdp_fingerprint')
  })

  it.each([
    ['a=crypto', 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x'],
    ['k=', 'k=base64:x'],
  ])('brings no media key: %s', (_name, line) => {
    expect(faultOf(sdpOf(['audio'], [sha256, line]), 'call')).toBe('sdp_crypto')
    expect(faultOf(`${sdpOf()}${line}`, 'call')).toBe('sdp_crypto')
  })

  it.each([
    ['something before v=0', ` ${sdpOf()}`],
    ['another version', sdpOf().replace('v=0', 'v=1')],
    ['a line that is none', `${sdpOf()}nonsense\r\n`],
    ['white space before a line', `${sdpOf()} m=application 9 x 1\r\n`],
    ['one letter', `${sdpOf()}a\r\n`],
    ['a line ended by CR alone', sdpOf().replace('s=-\r\n', 's=-\rm=application 9 x 1\r\n')],
    ['CR twice', sdpOf().replace('s=-\r\n', 's=-\r\r\n')],
    ['2,001 lines', sdpOf(['audio'], [sha256, ...Array(1_995).fill('a=x')])],
    ['a line of more than 4,096', `${sdpOf()}a=${'x'.repeat(4_095)}`],
  ])('is refused with %s', (_name, sdp) => {
    expect(faultOf(sdp, 'call')).toBe('sdp')
  })

  it.each([
    ['2,000 lines', sdpOf(['audio'], [sha256, ...Array(1_994).fill('a=x')])],
    ['a line of 4,096', `${sdpOf()}a=${'x'.repeat(4_094)}`],
    ['lines ended by LF alone', sdpOf().replaceAll('\r\n', '\n')],
    ['an empty line', `${sdpOf()}\r\n`],
    ['no end of the last line', sdpOf().trimEnd()],
  ])('passes with %s', (_name, sdp) => {
    expect(faultOf(sdp, 'call')).toBeUndefined()
  })
})
