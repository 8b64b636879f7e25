export { fill, type Choices, type Slot } from './fill.ts'
export { createManualClock, type ManualClock } from './manual-clock.ts'
export { createTestMesh, type Frame, type TestClient, type TestMesh } from './test-mesh.ts'
export { storageContract } from './storage-contract.ts'
