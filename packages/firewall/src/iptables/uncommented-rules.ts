/**
 * Rules of flannel before v0.16, which have no comment: up to four of nat's POSTROUTING, and two of filter's FORWARD. One
 * alone may be an operator's. The first, second and last of nat together, for one network, are flannel's doing, and with
 * them those of the same network in FORWARD.
 */
export function uncommentedRules(saved: string): ReadonlySet<string> {
  const lines = new Set(saved.split('\n'))
  const found = new Set<string>()
  for (const line of lines) {
    const [, network] = /^-A POSTROUTING -s (\S+) -d \1 -j RETURN$/.exec(line) ?? []
    if (network === undefined) continue
    const [outward, inward] = [
      rulesOf(lines, `-A POSTROUTING -s ${network} ! -d `, / (?:224\.0\.0\.0\/4|ff00::\/8) -j MASQUERADE/),
      rulesOf(lines, `-A POSTROUTING ! -s ${network} -d ${network} -j MASQUERADE`),
    ]
    if (outward.length === 0 || inward.length === 0) continue
    const toSubnet = rulesOf(lines, `-A POSTROUTING ! -s ${network} -d `, /-d \S+ -j RETURN$/)
    const forward = [`-A FORWARD -s ${network} -j ACCEPT`, `-A FORWARD -d ${network} -j ACCEPT`]
    for (const rule of [line, ...outward, ...toSubnet, ...inward, ...forward]) found.add(rule)
  }
  return found
}

const rulesOf = (lines: ReadonlySet<string>, start: string, pattern = /(?:)/): readonly string[] =>
  [...lines].filter((line) => line.startsWith(start) && pattern.test(line))
