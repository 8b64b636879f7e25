/** What has to get to somebody outside because of an event, as whoever makes the event says it. */
export interface NewDelivery {
  /** Who takes it there: `notify`, or `webhook:` and its name. */
  channel: string
  /** Within its channel and room, what it is about: while one is waiting, a second one of the same topic joins it. */
  topic: string
  kind: string
  /** The user or device that it comes from. */
  from_id?: string | undefined
  /** The user that it is for; without it every other member of the room. */
  to_id?: string | undefined
  /** Not before this instant. */
  due_at: number
  /** It is about all that happens in the room: what was stored without one while another waited counts as well. */
  every?: boolean | undefined
}

/** One that waits. */
export interface Delivery {
  channel: string
  /** Unique in its channel. */
  topic: string
  kind: string
  /** Empty where it is about no room, or about several that joined. The same for the two ids that follow. */
  room_id: string
  from_id: string
  to_id: string
  /** The `seq` of the event before the first one that it is about; 0 where there is none. */
  after: number
  /** How many events it stands for. */
  count: number
  /** When the latest of them happened; of `every` event of a room, the first. */
  created_at: number
  due_at: number
  /** How often it was claimed since it last got anywhere. */
  attempts: number
  /** Whoever knows this has claimed it; empty while nobody has. */
  claim: string
  /** Why the latest attempt failed, in a word; empty before. */
  reason: string
}

/** One that was given up. */
export interface DeadLetter extends Omit<Delivery, 'claim' | 'due_at'> {
  letter_id: string
  dead_at: number
}

/** How much of a channel there is. */
export interface Backlog {
  channel: string
  /** Deliveries that wait. */
  waiting: number
  /** Dead letters that are kept. */
  dead: number
}

/** Which delivery, and by whom it was claimed. A claim that somebody else has since taken changes nothing. */
export type Claimed = Pick<Delivery, 'channel' | 'topic' | 'claim'>

/**
 * The transactional outbox: what is to be delivered is written in one step with the event that causes it (`deliveries` of
 * a `NewEvent`), and taken from here by whichever node comes first.
 */
export interface DeliveryStore {
  /** Adds one that belongs to no event. One of the same topic that waits is put off to `due_at`, whoever has claimed it. */
  add(delivery: NewDelivery, at: number): Promise<void>
  /** When the next one of a channel is due; undefined when none waits. */
  next(channel: string): Promise<number | undefined>
  /**
   * Claims the one that has been due the longest, until `until`: of several at once exactly one gets it. Whoever does not
   * finish it by then loses it to the next.
   */
  claim(wanted: { channel: string; claim: string; now: number; until: number }): Promise<Delivery | undefined>
  /**
   * Puts one delivery for each recipient in the place of a claimed one, for its events and what joined meanwhile, but for
   * `less` of them. Where one of the same topic waits, they join, and what differs between them is left empty.
   */
  address(
    claimed: Claimed,
    to: readonly { to_id: string; topic: string; less?: number }[],
    due_at: number,
  ): Promise<void>
  /**
   * `count` of the events got there, up to the one with the `seq` `after`. What joined meanwhile is due at `due_at`, as a new one
   * that happened at `now`; otherwise it is over.
   */
  finish(claimed: Claimed, done: { count: number; after?: number; due_at: number; now: number }): Promise<void>
  /** It did not work out: not before `due_at` again. */
  postpone(claimed: Claimed, to: { due_at: number; reason: string }): Promise<void>
  /**
   * Gives it up, or the first `count` of its events: then the rest waits on as a new one. At most `keep` dead letters are
   * kept, the latest.
   */
  bury(
    claimed: Claimed,
    letter: { letter_id: string; dead_at: number; reason: string; keep: number; count?: number | undefined },
  ): Promise<void>
  /** Those of a channel that happened before an instant, and the oldest beyond `most`; at most `limit`. */
  overdue(channel: string, which: { before: number; most: number; limit: number }): Promise<Delivery[]>
  /** Those that wait, the one due first first. */
  list(page: { limit: number }): Promise<Delivery[]>
  /** Dead letters, the latest first. */
  dead(page: { limit: number }): Promise<DeadLetter[]>
  /** How much there is of each channel of which there is anything, by name. */
  backlog(): Promise<Backlog[]>
}

/** Where the notifications of a user go. */
export interface NotifyTarget {
  user_id: string
  /** The secret that the notifier needs, sealed by it: what is here is of no use by itself. */
  sealed: string
  updated_at: number
}

export interface NotifyTargetStore {
  /** Sets where the notifications of a user go. */
  put(target: NotifyTarget): Promise<void>
  find(user_id: string): Promise<NotifyTarget | undefined>
  /** False where there was none. */
  remove(user_id: string): Promise<boolean>
  /** By ascending `user_id`, after the one given. */
  list(page: { after?: string | undefined; limit: number }): Promise<NotifyTarget[]>
}
