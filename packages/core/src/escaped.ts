// Controls, bidirectional overrides and line separators: what a name or a forged token could play with a terminal.
const unfit = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** Text with whatever could act on a terminal written as its \u escape, which is also how JSON writes it. Line feeds stay. */
export function escaped(text: string): string {
  return text.replaceAll(unfit, (found) =>
    Array.from(
      { length: found.length },
      (_, index) => `\\u${found.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}
