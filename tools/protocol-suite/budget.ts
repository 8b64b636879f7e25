/** The contract's classes (§12): how many events of one user may come at once, and how many a second after that. */
export const classes = {
  sdp: { burst: 10, per_s: 1 },
  ice: { burst: 60, per_s: 20 },
  chat: { burst: 10, per_s: 1 },
  presence: { burst: 5, per_s: 1 },
  capability: { burst: 20, per_s: 2 },
  p2p: { burst: 10, per_s: 1 },
  terminal: { burst: 20, per_s: 5 },
  other: { burst: 20, per_s: 5 },
} as const

/** The server counts an event when it comes, which is later than it was sent. */
const travelMs = 500

type ClassName = keyof typeof classes

/** What a user has sent, as the server counts it, so that the next case gets somebody who may say everything. */
export interface Budget {
  spend(type: string): void
  /** Whether every bucket is full again. */
  isFull(): boolean
}

/** @see Budget */
export function createBudget(): Budget {
  const levels = new Map<ClassName, { level: number; at: number }>()
  const levelOf = (name: ClassName) => {
    const { burst, per_s } = classes[name]
    const { level, at } = levels.get(name) ?? { level: burst, at: 0 }
    return Math.min(burst, level + (Math.max(0, Date.now() - at - travelMs) / 1000) * per_s)
  }
  return {
    spend(type) {
      const name = classOf(type)
      levels.set(name, { level: Math.max(0, levelOf(name) - 1), at: Date.now() })
    },
    isFull: () => [...levels.keys()].every((name) => levelOf(name) === classes[name].burst),
  }
}

function classOf(type: string): ClassName {
  if (type === 'rtc.offer' || type === 'rtc.answer') return 'sdp'
  if (type === 'rtc.ice') return 'ice'
  const area = type.split('.')[0]
  return area === 'chat' || area === 'presence' || area === 'capability' || area === 'p2p' || area === 'terminal'
    ? area
    : 'other'
}
