import {
  errorCodes,
  httpStatusOf,
  internalError,
  isMeshError,
  randomIds,
  type ErrorDetails,
  type Logger,
} from '@mesh/core'
import * as v from 'valibot'

const text = v.optional(v.string())
// An entry for each detail there is, or it does not compile.
const details = {
  retryable: v.boolean(),
  retry_after_ms: v.optional(v.number()),
  required: text,
  reason: text,
  rejection: text,
  path: text,
  holder: text,
  correlation_id: text,
} satisfies Record<keyof ErrorDetails, v.GenericSchema>

/** What REST answers an error with; over the socket an envelope stands around it. */
export const errorBody = v.strictObject({
  type: v.literal('error'),
  code: v.picklist(errorCodes),
  message: v.string(),
  payload: v.strictObject(details),
})

/** Answers an error. What is not a MeshError is a fault of ours: it is logged, and nothing but where to find it is told. */
export function errorResponse(error: Error, logger: Logger): Response {
  const { code, message, details, retryable } = isMeshError(error)
    ? error
    : internalError({ ids: randomIds, logger }, error, 'a request failed')
  const retryAfter = details.retry_after_ms
  const body: v.InferOutput<typeof errorBody> = { type: 'error', code, message, payload: { ...details, retryable } }
  return Response.json(body, {
    status: httpStatusOf(code),
    headers: {
      'cache-control': 'no-store',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfter / 1000)) }),
      ...(code.startsWith('AUTH_') ? { 'www-authenticate': 'Bearer' } : {}),
    },
  })
}
