import { Kysely, OperationNodeTransformer, PostgresDialect, type DataTypeNode, type KyselyPlugin } from 'kysely'
import type { Tables } from '../tables.ts'
import { PostgresFailure } from './failure.ts'
import type { PostgresClient, PostgresQuery } from './pool.ts'

/** Kysely over one connection that stays its owner's to release. What fails throws {@link PostgresFailure}. */
export function createKysely(client: PostgresClient): Kysely<Tables> {
  const connection = {
    query: (text: string, values: readonly unknown[] = []) => query(client, text, values),
    release() {},
  }
  const pool = { connect: async () => connection, async end() {} }
  // Cursors, the other half of the driver's type, are nothing that Mesh reads with.
  const dialect = new PostgresDialect({ pool: pool as never })
  return new Kysely<Tables>({ dialect, plugins: [codePointOrder] })
}

/** The latest reason for which a statement of a connection failed. */
const reasons = new WeakMap<PostgresClient, PostgresFailure>()

/**
 * Runs one statement. In a transaction that has failed already, what it failed of is thrown again: that it has is all
 * that PostgreSQL says from then on, and whoever asks something after a failure, as migrations do, would pass that on.
 * @throws PostgresFailure
 */
export async function query(client: PostgresClient, text: string, values: readonly unknown[] = []) {
  try {
    return await client.query({ text, values, types })
  } catch (error) {
    const failure = new PostgresFailure(error)
    if (failure.code === failedBefore) throw reasons.get(client) ?? failure
    reasons.set(client, failure)
    throw failure
  }
}

/** What is said of every statement after one that failed, until the transaction ends. */
const failedBefore = '25P02'

/** Text is text; numbers are numbers, also the 64-bit ones, which the driver leaves as text. */
const types: PostgresQuery['types'] = {
  getTypeParser(oid) {
    if (oid === 16) return (text) => text === 't'
    return [20, 21, 23, 26].includes(oid) ? toNumber : (text) => text
  },
}

function toNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new Error('A number in the database is too large')
  return value
}

/** Text sorts by code point, as in SQLite and in the protocol, whatever language the database was made for. */
class CodePointOrder extends OperationNodeTransformer {
  protected override transformDataType(node: DataTypeNode): DataTypeNode {
    return node.dataType === 'text' ? ({ ...node, dataType: 'text collate "C"' } as unknown as DataTypeNode) : node
  }
}

const transformer = new CodePointOrder()
const codePointOrder: KyselyPlugin = {
  transformQuery: ({ node }) => transformer.transformNode(node),
  transformResult: async ({ result }) => result,
}
