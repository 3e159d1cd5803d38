import {
  type Import,
  isRelative,
  type Package,
  packageOf,
  type SourceFile,
  type SourceTree,
} from './source-tree.js'

/**
 * Which packages the sources of a package may import. Tests are free, as long as what they import is declared. The
 * first pattern that matches counts.
 */
const LAYERS: readonly (readonly [who: RegExp, mayImport: RegExp])[] = [
  [/^core$/, /^$/],
  [/^backend-extension$/, /^(core|node-state)$/],
  // They speak netlink too, by the transport of the Linux driver.
  [/^backend-(wireguard|ipsec)$/, /^(core|dataplane-linux)$/],
  [/^(store-|backend-|dataplane-|firewall$|node-state$|conformance$)/, /^core$/],
  [/^cni$/, /^(core|node-state)$/],
  [/^agent$/, /^(core|node-state|firewall|(store|backend|dataplane)-.+)$/],
  [/^cli$/, /^(agent|core|node-state|firewall|(store|backend|dataplane)-.+)$/],
  [/^selvedged$/, /^(agent|cli|cni|core|node-state|firewall|(store|backend|dataplane)-.+)$/],
  [/^(lab|examples|bench)$/, /./],
]

const PURE = 'it is pure: whoever uses it hands in what it needs'

/** What Node.js brings that a package's sources may not use, and why. */
const BUILTINS: readonly (readonly [who: RegExp, forbidden: RegExp, why: string])[] = [
  [/^core$/, /^node:(fs|net|tls|http|https|http2|dgram|dns|child_process|worker_threads|os)(\/|$)/, PURE],
  [/^backend-(vxlan|hostgw|alloc|ipip)$/, /^node:(?!crypto$)/, PURE],
]

/** Imports that point the wrong way, a sentence each. */
export function wrongArrows(tree: SourceTree): readonly string[] {
  return tree.packages.flatMap((one) =>
    one.files.flatMap((file) =>
      file.imports.flatMap((found) => {
        const why = reaching(tree, one, file, found) ?? (file.isTest ? undefined : pointing(one, found))
        return why === undefined ? [] : [`${file.path}:${found.line} imports ${found.specifier}: ${why}.`]
      }),
    ),
  )
}

/** A package is used by its entry points, by tests too. */
function reaching(tree: SourceTree, one: Package, file: SourceFile, found: Import): string | undefined {
  if (isRelative(found.specifier)) {
    const target = tree.resolveRelative(file, found)
    return target === undefined || one.files.includes(target)
      ? undefined
      : 'a relative path leads into another package; import it by its name'
  }
  const other = tree.package(packageOf(found.specifier) ?? '')
  if (other === undefined) return undefined
  const subpath = `.${found.specifier.slice(other.name.length)}`
  return other.manifest.exports?.[subpath] === undefined
    ? `${other.folder}/package.json exports no '${subpath}'; import an entry point that it has`
    : undefined
}

function pointing(one: Package, { specifier }: Import): string | undefined {
  const who = shortName(one.name)
  for (const [packages, forbidden, why] of BUILTINS) {
    if (packages.test(who) && forbidden.test(specifier)) return `${who} does not use it; ${why}`
  }
  const name = packageOf(specifier)
  if (name === undefined || !name.startsWith('@selvedge/') || name === one.name) return undefined
  const layer = LAYERS.find(([packages]) => packages.test(who))
  if (layer === undefined) return `no layer is known for '${who}'; give it one in tests/structure/arrows.ts`
  return layer[1].test(shortName(name))
    ? undefined
    : `arrows run examples, lab, bench -> selvedged -> agent, cni -> stores, backends, dataplanes -> core`
}

const shortName = (name: string): string => name.replace('@selvedge/', '')
