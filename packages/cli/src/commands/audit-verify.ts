import { verifyChain, type AuditHead } from '@mesh/core'
import { InvalidArgumentError, type Command } from 'commander'
import { remoteAudit } from '../audit.ts'
import { exitCodes } from '../exit-codes.ts'
import { show, withAdmin } from '../session.ts'

/** `audit verify`: walks along the chain; ends with 7 where it is broken. */
export function addAuditVerify(parent: Command): void {
  const command = parent.command('verify').description('check that no entry was changed, removed or put in')
  command
    .option('--head <seq:hash>', 'an end that was printed here before: the log must still hold it', head)
    .action(async ({ head: expected }: { head?: AuditHead }) => {
      const { head, broken } = await withAdmin(command, (admin) => verifyChain(remoteAudit(admin), expected, 1000))
      const row = {
        verdict: broken ? 'broken' : 'sound',
        head: `${head.seq}:${head.hash}`,
        ...(broken ? { seq: broken.seq, reason: broken.reason } : {}),
      }
      show(command, { data: row, columns: ['verdict', 'head', 'seq', 'reason'], id: 'head' })
      if (broken) process.exitCode = exitCodes.checkFailed
    })
}

function head(text: string): AuditHead {
  const [, seq, hash] = /^(\d{1,15}):([\w-]{43})$/.exec(text) ?? []
  if (!seq || !hash) throw new InvalidArgumentError('It must be as "audit verify" printed it.')
  return { seq: Number(seq), hash }
}
