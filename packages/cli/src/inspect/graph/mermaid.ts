import type { Drawing } from './drawing.js'
import { hostLines, moreText, pathLabel } from './labels.js'

/** The drawing as a Mermaid flowchart. */
export function mermaid(drawing: Drawing): string {
  const { own, peers, morePeers, chains, moreChains } = drawing
  const lines = ['flowchart LR', '  subgraph topology["Topology"]', '    direction LR']
  if (own !== undefined) lines.push(`    own["${text(hostLines(own))}"]`)
  peers.forEach((peer, place) => {
    lines.push(`    peer${place}["${text(hostLines(peer))}"]`)
    if (own === undefined) return
    lines.push(
      peer.path === 'none'
        ? `    own -.-x|"${text([pathLabel(peer)])}"| peer${place}`
        : `    own ${peer.path === 'tunnel' ? '===' : '---'}|"${text([pathLabel(peer)])}"| peer${place}`,
    )
  })
  if (morePeers > 0) lines.push(`    more["${text([moreText(morePeers, 'peers')])}"]`)
  lines.push('  end')
  chains.forEach(({ title, rules, moreRules }, chain) => {
    lines.push(`  subgraph chain${chain}["${text([title])}"]`, '    direction TB')
    if (rules.length === 0) lines.push(`    chain${chain}rules["no rules"]`)
    rules.forEach((rule, place) => {
      lines.push(`    c${chain}r${place}["${text([rule.text])}"]`)
      if (place > 0) lines.push(`    c${chain}r${place - 1} --> c${chain}r${place}`)
    })
    if (moreRules > 0) lines.push(`    c${chain}more["${text([moreText(moreRules, 'rules')])}"]`)
    lines.push('  end')
  })
  chains.forEach(({ rules }, chain) => {
    rules.forEach(({ leadsTo }, place) => {
      if (leadsTo !== undefined) lines.push(`  c${chain}r${place} ==> chain${leadsTo}`)
    })
  })
  if (moreChains > 0) lines.push(`  moreChains["${text([moreText(moreChains, 'chains')])}"]`)
  return `${lines.join('\n')}\n`
}

/** Whatever could mean something to Mermaid, or to the HTML that it makes, as the entity of its code point. */
const text = (lines: readonly string[]): string =>
  lines
    .map((line) => line.replaceAll(/[^A-Za-z0-9 .:/,=-]/gu, (character) => `#${character.codePointAt(0)};`))
    .join('<br/>')
