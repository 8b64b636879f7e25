import { describe, expect, it } from 'vitest'
import { clientEvents, type ClientEventType } from './protocol.ts'
import { cellsOf, rules, table, type Cell, type Rule } from './testing/authorization.ts'
import { preparations } from './testing/authorization-events.ts'
import { stage } from './testing/authorization-scene.ts'
import { settle } from './testing/kit.ts'

const nameOf = ({ sender: { standing, role }, token, end }: Cell, { cap, end: hasEnd }: Rule) =>
  [role, standing, cap && `token ${token}`, hasEnd && `other end ${end}`].filter(Boolean).join(' · ')

/** Sends the event of one cell for real and says what came of it. */
async function outcomeOnEngine(type: ClientEventType, rule: Rule, cell: Cell) {
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
  // That somebody's connection ended is told whatever ended it.
  const heard = me.closed ? [] : other.frames.slice(before).filter((frame) => !frame.type.startsWith('system.'))
  return { answer, heard, sender: me.peer_id }
}

const count = rules.flatMap(({ rule }) => cellsOf(rule)).length

describe(`the authorization table, ${count} cells`, () => {
  it('has every event there is', () => {
    expect(Object.keys(table).toSorted()).toEqual(Object.keys(clientEvents).toSorted())
  })

  for (const { type, name, rule } of rules) {
    describe(name, () => {
      for (const cell of cellsOf(rule)) {
        it(`${nameOf(cell, rule)}: ${cell.expected}`, async () => {
          const { answer, heard, sender } = await outcomeOnEngine(type, rule, cell)
          expect(answer?.code ?? 'ok').toBe(cell.expected)
          const { reply, relayed } = clientEvents[type]
          // What is refused is heard of by nobody; what is granted has an effect.
          if (answer?.code) expect(heard).toEqual([])
          else if (relayed || type === 'p2p.session.request') {
            if (cell.end === 'in the room') expect(heard).toMatchObject([{ type, from: sender }])
          } else if (reply !== null) expect(answer).toBeDefined()
        })
      }
    })
  }
})
