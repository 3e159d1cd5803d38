/** Elements whose text is text, whatever is in it. */

export type Child = Node | string
type Attributes = Readonly<Record<string, string | number | undefined>>

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), attributes, children)
}

export function svg(tag: string, attributes: Attributes = {}, ...children: readonly Child[]): SVGElement {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children)
}

function filled<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, String(value))
  }
  element.append(...children)
  return element
}

export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no #${id}`)
  return element as E
}

/** Only if it is another: what is announced is announced once. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** @param wide the columns whose text may be long, and is wrapped */
export function table(
  heads: readonly string[],
  rows: readonly (readonly Child[])[],
  label: string,
  wide: readonly number[] = [],
): Node {
  const head = el('tr', {}, ...heads.map((text) => el('th', { scope: 'col' }, text)))
  const body = rows.map((cells) =>
    el(
      'tr',
      {},
      ...cells.map((cell, index) => el('td', { class: wide.includes(index) ? 'entry' : undefined }, cell)),
    ),
  )
  return el('table', { 'aria-label': label }, el('thead', {}, head), el('tbody', {}, ...body))
}
