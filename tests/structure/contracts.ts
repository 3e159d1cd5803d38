/**
 * What a suite tests, and what the doc comment of the contract says it tests, where they differ; a sentence each. A contract
 * lists the tests of a suite below `Tests of \`driverSuite\`:`, or of several. A title is `rule`, or `rule: case` if several tests prove one.
 *
 * @param contract the text of the file that declares it
 */
export function contractDifferences(
  contract: string,
  suite: string,
  titles: readonly string[],
): readonly string[] {
  const listed = new Set(listedRules(contract, suite))
  const isNamed = (title: string): boolean => listed.has(title) || listed.has(ruleOf(title))
  const missing = [...new Set(titles.filter((title) => !isNamed(title)).map(ruleOf))]
  const tested = new Set(titles.flatMap((title) => [title, ruleOf(title)]))
  return [
    ...missing.map(
      (rule) =>
        `${suite} tests '${rule}', which the contract does not list: add "- ${rule}" to the doc comment of what it is ` +
        `about, below "Tests of \`${suite}\`:".`,
    ),
    ...[...listed]
      .filter((rule) => !tested.has(rule))
      .map((rule) => `the contract lists '${rule}' as a test of ${suite}, which has none of that title.`),
  ]
}

const ruleOf = (title: string): string => title.replace(/: .*$/, '')

/** The items below each `Tests of \`suite\`:` in the comments of a source. */
function listedRules(source: string, suite: string): readonly string[] {
  const text = source.replaceAll(/^ *\* ?/gm, '')
  const lists = text.matchAll(new RegExp(`^Tests of .*\`${suite}\`.*:\n((?:- .*\n|  .*\n)+)`, 'gm'))
  return [...lists].flatMap(([, list = '']) =>
    list
      .split(/^- /m)
      .map((item) => item.replaceAll(/\s+/g, ' ').trim())
      .filter((item) => item !== ''),
  )
}
