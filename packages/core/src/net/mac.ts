const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/

/** A MAC in lower case with colons; throws a TypeError for anything that is not six octets in hex. */
export function canonicalMac(text: string): string {
  if (MAC.test(text)) return text
  const mac = text.toLowerCase().replaceAll('-', ':')
  if (!MAC.test(mac)) throw new TypeError(`'${text}' is not a MAC address such as c6:d2:32:6f:8f:44`)
  return mac
}

/** The group bit, the lowest of the first octet (IEEE 802-2014, 8.2). */
export function isMulticastMac(mac: string): boolean {
  return '13579bdf'.includes(mac.charAt(1))
}
