export type { Bus } from './bus.ts'
export { systemClock, type Clock } from './clock.ts'
export { silentLogger, type LogFields, type Logger } from './logger.ts'
export type * from './storage.ts'
