const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/
/** As Go's net.ParseMAC reads them: `c6:d2:32:6f:8f:44`, `c6-d2-32-6f-8f-44` or `c6d2.326f.8f44`. */
const FORMS = /^(?:[\da-f]{2}(?::[\da-f]{2}){5}|[\da-f]{2}(?:-[\da-f]{2}){5}|[\da-f]{4}(?:\.[\da-f]{4}){2})$/i

/** Six octets in lower case with colons, from any form that Go reads; undefined for anything else. */
export function parseMac(text: string): string | undefined {
  if (MAC.test(text)) return text
  if (!FORMS.test(text)) return undefined
  return text
    .toLowerCase()
    .replace(/[:.-]/g, '')
    .replace(/..(?=.)/g, '$&:')
}

/** The same; throws a TypeError for what is no MAC. */
export function canonicalMac(text: string): string {
  const mac = parseMac(text)
  if (mac === undefined) throw new TypeError(`'${text}' is not a MAC address such as c6:d2:32:6f:8f:44`)
  return mac
}

/** The group bit, the lowest of the first octet (IEEE 802-2014, 8.2). */
export function isMulticastMac(mac: string): boolean {
  return '13579bdf'.includes(mac.charAt(1))
}
