export { families, type Family, type Source } from './families.ts'
export { registerMetrics, storageFamilies } from './metrics.ts'
