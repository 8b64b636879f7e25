/**
 * The element of the page with this id.
 * @throws Error when there is none of that kind: page and script do not belong together
 */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const element = document.getElementById(id)
  if (!(element instanceof kind)) throw new Error(`The page has no ${kind.name} #${id}`)
  return element
}

/** A new element with this text. */
export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  text = '',
  className = '',
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name)
  element.textContent = text
  if (className) element.className = className
  return element
}

/** Shows a text, or hides its place when there is none. */
export function say(place: HTMLElement, text = ''): void {
  place.textContent = text
  place.hidden = text === ''
}

/** Draws somebody's initial, in one of six colours. */
export function paintAvatar(avatar: HTMLElement, name: string): void {
  avatar.textContent = name.slice(0, 1).toUpperCase()
  avatar.dataset['hue'] = 'fabcde'.charAt((name.codePointAt(0) ?? 0) % 6)
}
