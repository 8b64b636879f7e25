/** What two login names have in common when they differ in case or in compatibility forms only; as in the memory storage of the core, which the writer thread cannot load. */
export function nameKey(username: string): string {
  // Lower case can leave NFKC again (U+0130), hence twice.
  return username.normalize('NFKC').toLowerCase().normalize('NFKC')
}
