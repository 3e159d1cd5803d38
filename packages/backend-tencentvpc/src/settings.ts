import { type NetworkConfig, OverlayError } from '@selvedge/core'
import { backendSection, type Field, integerField } from '@selvedge/core/kit'

/** The settings in force: the network config's Backend section. */
export interface TencentVpcSettings {
  /** `AccessKeyID` and `AccessKeySecret`; undefined: the options', or the instance's role. */
  readonly credentials: { readonly secretId: string; readonly secretKey: string } | undefined
  /** Such as `ap-guangzhou`; undefined: the instance's. */
  readonly region: string | undefined
  /** Route tables by id, such as `rtb-azd4dt1c`; undefined: the one of the instance's subnet. */
  readonly routeTables: readonly string[] | undefined
  /** Host name or URL of the API; undefined: `vpc.tencentcloudapi.com`. */
  readonly endpoint: string | undefined
  /** How often to look whether the routes are still there, in ms; undefined: as the options say. */
  readonly pollMs: number | undefined
}

/** Raw, so that no message quotes it. */
const secret: Field<string | null | undefined> = {
  rule: 'must be text of at most 256 characters without spaces',
  fallback: undefined,
  accepts: (value) => value === null || isText(value, /^[\x21-\x7e]{0,256}$/),
  raw: true,
}

const region: Field<string | undefined> = {
  rule: 'must be a region, such as ap-guangzhou',
  fallback: undefined,
  accepts: (value) => isText(value, /^(?:[a-z0-9-]{1,40})?$/),
}

const MAX_ROUTE_TABLES = 100

const routeTables: Field<string | readonly string[] | undefined> = {
  rule: `must be the id of a route table, such as rtb-azd4dt1c, or a list of at most ${MAX_ROUTE_TABLES}`,
  fallback: undefined,
  accepts: (value) =>
    value === '' ||
    isRouteTable(value) ||
    (Array.isArray(value) && value.length <= MAX_ROUTE_TABLES && value.every(isRouteTable)),
}

const endpoint: Field<string | undefined> = {
  rule: 'must be a host name, such as vpc.tencentcloudapi.com, or a URL without a path',
  fallback: undefined,
  accepts: (value) => isText(value, /^(?:(?:https?:\/\/)?[a-z0-9.-]{1,253}(?::\d{1,5})?\/?)?$/i),
}

export const SECTION = backendSection('tencent-vpc', {
  AccessKeyID: secret,
  AccessKeySecret: secret,
  Region: region,
  RouteTableID: routeTables,
  Endpoint: endpoint,
  PollInterval: integerField(1, 3_600, undefined),
})

function isText(value: unknown, form: RegExp): value is string {
  return typeof value === 'string' && form.test(value)
}

function isRouteTable(value: unknown): value is string {
  return isText(value, /^rtb-[a-z0-9]{1,32}$/)
}

/**
 * Reads the Backend section. Throws an OverlayError `INVALID_CONFIG` that names the key and its rule, and for a network
 * with IPv6. No key is quoted.
 */
export function readSettings(config: NetworkConfig): TencentVpcSettings {
  if (config.ipv6 !== undefined) {
    throw new OverlayError(
      'INVALID_CONFIG',
      `${SECTION.where} are of a network with IPv6, but tencent-vpc carries IPv4 alone: Tencent's API documents no route of ` +
        'IPv6 to an instance; set EnableIPv6 to false, or use another backend',
    )
  }
  const values = SECTION.read(config)
  const { AccessKeyID: secretId, AccessKeySecret: secretKey, RouteTableID: tables } = values
  if (!secretId !== !secretKey) {
    const missing = secretId ? 'AccessKeySecret' : 'AccessKeyID'
    throw new OverlayError(
      'INVALID_CONFIG',
      `in ${SECTION.where}, ${missing} is missing: give both keys, or neither`,
    )
  }
  const named = typeof tables === 'string' ? [tables] : tables
  const given = [...new Set(named?.filter((id) => id !== ''))]
  return {
    credentials: secretId && secretKey ? { secretId, secretKey } : undefined,
    region: values.Region || undefined,
    routeTables: given.length > 0 ? given : undefined,
    endpoint: values.Endpoint || undefined,
    pollMs: values.PollInterval === undefined ? undefined : values.PollInterval * 1_000,
  }
}
