/** Whether a text is written like a host name (RFC 1123). */
export function isHostName(text: string): boolean {
  return text.length <= 253 && /^(?!-)[a-z\d-]{1,63}(\.[a-z\d-]{1,63})*\.?$/i.test(text)
}
