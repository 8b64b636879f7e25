/** A new id of a signaling session: `rtc_` and 144 random bits, URL-safe. */
export function newRtcId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(18))
  return `rtc_${btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')}`
}
