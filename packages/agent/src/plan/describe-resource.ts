import type { Resource } from '@selvedge/core'
import { printable, RT_TABLE_MAIN } from '@selvedge/core/kit'

/** An entry as `ip` and `bridge` would print it, in a line. */
export function describeResource(resource: Resource): string {
  return printable(
    textOf(resource, (name) => Reflect.get(resource, name)),
    400,
  )
}

function textOf(resource: Resource, field: (name: string) => unknown): string {
  switch (resource.kind) {
    case 'link':
      return words([
        field('name'),
        field('type'),
        ['mtu', field('mtu')],
        ['mac', field('macAddress')],
        field('up') === false ? 'down' : 'up',
        settingsText(field('settings')),
      ])
    case 'address':
      return `${field('address')}/${field('prefixLength')} dev ${field('link')}`
    case 'route': {
      const [table, metric] = [field('table'), field('metric')]
      const isIPv6 = String(field('destination')).includes(':')
      return words([
        field('type') === 'blackhole' ? 'blackhole' : undefined,
        field('destination'),
        ['via', field('gateway')],
        ['dev', field('device')],
        ['table', table === RT_TABLE_MAIN ? undefined : table],
        ['metric', metric === (isIPv6 ? 1024 : 0) ? undefined : metric],
        field('onLink') === true ? 'onlink' : undefined,
      ])
    }
    case 'neighbour':
      return `${field('address')} lladdr ${field('macAddress')} dev ${field('link')}`
    case 'fdb':
      return `${field('macAddress')} dst ${field('destination')} dev ${field('link')}`
    case 'command':
      return `${field('subject')}${commandName(field('add'))}`
    default:
      return otherText(resource)
  }
}

/** A command's text may hold secrets. */
const commandName = (add: unknown): string =>
  typeof add === 'object' && add !== null && 'name' in add ? ` by ${add.name}` : ''

/** Its key, and what else it has: `xfrm-policy … field=value`. */
function otherText(resource: Resource): string {
  const { kind: _kind, key, ...fields } = resource as Resource & Readonly<Record<string, unknown>>
  const known = key.split(' ')
  const rest = Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined || known.includes(String(value))) return []
    return [`${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`]
  })
  return [key, ...rest].join(' ')
}

const settingsText = (settings: unknown): string | undefined =>
  typeof settings !== 'object' || settings === null
    ? undefined
    : Object.entries(settings)
        .filter(([, value]) => value !== undefined && value !== false)
        .map(([name, value]) => `${name} ${value}`)
        .join(' ')

const words = (parts: readonly (unknown | readonly [string, unknown])[]): string =>
  parts
    .flatMap((part) => {
      if (!Array.isArray(part)) return part === undefined ? [] : [String(part)]
      return part[1] === undefined ? [] : [`${part[0]} ${part[1]}`]
    })
    .join(' ')
