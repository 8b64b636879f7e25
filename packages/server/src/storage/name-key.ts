/** What two login names have in common when they differ in case or in compatibility forms only. */
export function nameKey(username: string): string {
  // Lower case can leave NFKC again (U+0130), hence twice.
  return username.normalize('NFKC').toLowerCase().normalize('NFKC')
}
