import { describe, expect, it } from 'vitest'
import { clientEvents, type ClientEventType } from './protocol.ts'
import { cellsOf, rules, senders, table, type Cell, type Rule, type Sender } from './testing/authorization.ts'
import { preparations } from './testing/authorization-events.ts'
import { stage } from './testing/authorization-scene.ts'
import { settle } from './testing/kit.ts'

const nameOf = ({ token, end }: Cell, { cap, end: hasEnd }: Rule) =>
  [cap && `token ${token}`, hasEnd && `other end ${end}`].filter(Boolean).join(' · ') || 'outcome'

const titleOf = ({ role, standing }: Sender) => [role, standing].filter(Boolean).join(', ')

/** Sends the event of one cell for real and says what came of it: a code, and what should not have been. */
async function outcomeOnEngine(type: ClientEventType, rule: Rule, cell: Cell): Promise<string> {
  // What a role has by default is what `capability.request` is about; elsewhere every role may have what is needed.
  const isByDefault = type === 'capability.request'
  const scene = await stage(rule, cell, isByDefault, (scene) => preparations[type](scene, rule.as ?? ''))
  const { me, other, to, payload } = scene
  const before = other.frames.length
  const id = me.send(type, to, payload)
  // Some errors end the connection, which is as good as an answer to everything before.
  await settle(me).catch((error: unknown) => {
    if (!me.closed) throw error
  })
  const answer = me.frames.find((frame) => frame.reply_to === id)
  const heard = other.frames.slice(before).filter((frame) => !frame.type.startsWith('system.'))
  if (answer?.code) {
    // That somebody's connection ended is told whatever ended it.
    const told = me.closed ? [] : heard.map((frame) => frame.type)
    return [answer.code, ...told.map((type) => `but ${type} was heard`)].join(', ')
  }
  const { reply, relayed } = clientEvents[type]
  if (relayed || type === 'p2p.session.request') {
    const isHeard = heard.length === 1 && heard[0]?.type === type && heard[0].from === me.peer_id
    return isHeard || cell.end !== 'in the room' ? 'ok' : 'ok, but unheard of'
  }
  return answer || reply === null ? 'ok' : 'ok, but unanswered'
}

const count = rules.flatMap(({ rule }) => cellsOf(rule)).length

describe(`the authorization table, ${count} cells`, () => {
  it('has every event there is', () => {
    expect(Object.keys(table).toSorted()).toEqual(Object.keys(clientEvents).toSorted())
  })

  for (const { type, name, rule } of rules) {
    describe(name, () => {
      for (const sender of senders) {
        const cells = cellsOf(rule).filter((cell) => cell.sender === sender)
        if (cells.length === 0) continue
        it(titleOf(sender), async () => {
          const outcomes: Record<string, string> = {}
          for (const cell of cells) outcomes[nameOf(cell, rule)] = await outcomeOnEngine(type, rule, cell)
          // Compared as a whole, so that a difference names its cells.
          expect(outcomes).toEqual(Object.fromEntries(cells.map((cell) => [nameOf(cell, rule), cell.expected])))
        })
      }
    })
  }
})
