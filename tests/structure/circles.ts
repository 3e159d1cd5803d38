import type { SourceFile, SourceTree } from './source-tree.js'

/** The circles of imports among the files of each package, a sentence each. */
export function circles(tree: SourceTree): readonly string[] {
  const next = new Map<SourceFile, readonly SourceFile[]>()
  for (const file of tree.files) {
    const targets = file.imports.map((one) => tree.resolveRelative(file, one))
    next.set(
      file,
      targets.filter((target) => target !== undefined),
    )
  }
  return knots(next).map((knot) => {
    const [first, ...others] = shortestCircle(next, knot).map(({ path }) => path)
    return (
      `${[first, ...others, first].join(' -> ')}: these import each other (import type counts). ` +
      'Move what both ends need into a file that imports neither, such as types.ts.'
    )
  })
}

type Graph = ReadonlyMap<SourceFile, readonly SourceFile[]>

/** Tarjan's strongly connected components, those of more than one file or of one that imports itself. */
function knots(graph: Graph): readonly (readonly SourceFile[])[] {
  const found: SourceFile[][] = []
  const number = new Map<SourceFile, number>()
  const low = new Map<SourceFile, number>()
  const stack: SourceFile[] = []
  const visit = (file: SourceFile): number => {
    const own = number.size
    number.set(file, own)
    low.set(file, own)
    stack.push(file)
    for (const target of graph.get(file) ?? []) {
      const reached = number.has(target)
        ? stack.includes(target)
          ? (number.get(target) ?? own)
          : own
        : visit(target)
      low.set(file, Math.min(low.get(file) ?? own, reached))
    }
    const lowest = low.get(file) ?? own
    if (lowest === own) {
      const knot = stack.splice(stack.indexOf(file))
      if (knot.length > 1 || graph.get(file)?.includes(file)) found.push(knot)
    }
    return lowest
  }
  for (const file of graph.keys()) if (!number.has(file)) visit(file)
  return found
}

/** A knot may be large; the shortest way round it is what a reader can mend. */
function shortestCircle(graph: Graph, knot: readonly SourceFile[]): readonly SourceFile[] {
  let shortest = knot
  for (const start of knot) {
    const ways: (readonly SourceFile[])[] = [[start]]
    const seen = new Set<SourceFile>()
    for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
      if (way.length > shortest.length) break
      const targets = graph.get(way.at(-1) ?? start) ?? []
      if (targets.includes(start)) {
        shortest = way
        break
      }
      for (const target of targets) {
        if (seen.has(target) || !knot.includes(target)) continue
        seen.add(target)
        ways.push([...way, target])
      }
    }
  }
  return shortest
}
