import { defaultLimits } from '@mesh/core'
import { routesOf } from '../http/routes.ts'
import { asyncapi } from './asyncapi.ts'
import { openapi } from './openapi.ts'

export { frameSchemas } from './frames.ts'
export { jsonSchemaOf, type Author, type JsonSchema } from './json-schema.ts'

/** REST as the standalone server has it, as OpenAPI 3.1. */
export const openapiDocument = () => openapi(routesOf({ builtinAccounts: true }), { basePath: '' })

/** The WebSocket as the standalone server has it, as AsyncAPI 3. */
export const asyncapiDocument = () => asyncapi({ basePath: '', publicUrl: undefined, limits: defaultLimits })
