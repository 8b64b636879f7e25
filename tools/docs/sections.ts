const section = /(<!-- generated: ([\w-]+) -->\n)[\s\S]*?(<!-- \/generated -->)/g

/**
 * Puts freshly made text between a document's markers: `<!-- generated: NAME -->` and `<!-- /generated -->`.
 * @throws Error when a marker names a section that nobody makes
 */
export function fill(document: string, sections: ReadonlyMap<string, string>): string {
  return document.replace(section, (_, start: string, name: string, end: string) => {
    const text = sections.get(name)
    if (text === undefined) throw new Error(`Nobody makes the section ${name}`)
    return `${start}\n${text}\n\n${end}`
  })
}

/** The names of the sections that a document has. */
export function sectionsOf(document: string): string[] {
  return [...document.matchAll(section)].map((match) => match[2] ?? '')
}

/** A Markdown table. Cells may hold Markdown; a bar in them is escaped. */
export function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n')
}
