import type { Ids } from '../../ids.ts'
import type { Random } from './random.ts'

/**
 * Ids that repeat under one seed. A few random digits come first, so that their order says nothing about their age; the
 * count behind them makes them unique and a history readable.
 */
export function createSeededIds(random: Random): Ids {
  let made = 0
  const digits = (length: number) =>
    random.below(65_536).toString(16).padStart(4, '0') + (++made).toString(16).padStart(length - 4, '0')
  return {
    id: (kind) => `${kind}_${digits(22)}`,
    uuid: () => `${digits(8)}-0000-4000-8000-${made.toString(16).padStart(12, '0')}`,
    secret: () => digits(43),
  }
}
