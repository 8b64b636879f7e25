export { createDatabaseAdmin, type DatabaseAdmin, type DatabaseStatus } from './database.ts'
export { openAdmin, type Admin } from './open.ts'
export type { AdminInput, AdminOperation, AdminOutput } from './operations.ts'
export { listenAdmin } from './socket.ts'
