import { C as isJsonObject, P as baseAddress, S as invalidField, T as unknownKeyWarnings, U as OverlayError, W as isOverlayError, a as fdb, b as booleanField, c as neighbour, d as interfaceAddress, f as isOnLink, i as address, l as route, m as publicAddresses, o as link, p as peerAddresses, u as describeLease, v as enabledFamilies, w as readFields, x as integerField } from "./dist-CuTn3iPo.js";
import { createHash } from "node:crypto";

// packages/backend-vxlan/dist/mtu.js
/**
* What VXLAN adds to an inner IP packet, in bytes (RFC 7348, section 5): the outer IP header (20, or 40 for IPv6),
* UDP 8, VXLAN 8, and the inner Ethernet header 14.
*/
const OVERHEAD = {
	4: 50,
	6: 70
};
/** The least MTU on which a family works at all: RFC 791 and RFC 8200. Linux turns IPv6 off on a link below it. */
const LEAST_MTU = {
	4: 68,
	6: 1280
};
/**
* The MTU of the device of one family: what fits, wrapped, into one outer packet. The kernel caps it at exactly this
* (drivers/net/vxlan/vxlan_core.c, vxlan_headroom), so that a larger wish could never be held: flannel asks for 50
* less in both families, and its IPv6 device comes out with 70 less all the same.
*/
function deviceMtu(parts, context, settings) {
	const { name, mtu: linkMtu } = context.externalInterface;
	const { mtu: wished } = settings;
	if (wished !== void 0 && wished > linkMtu) throw invalidField("MTU", wished, `must not be more than ${linkMtu}, the MTU of ${name}`, "the vxlan settings");
	const overhead = OVERHEAD[parts.family];
	const mtu = (wished ?? linkMtu) - overhead;
	if (mtu >= LEAST_MTU[parts.family]) return mtu;
	const left = `${parts.name} packets need ${LEAST_MTU[parts.family]} bytes, and VXLAN over ${parts.name} adds ${overhead}`;
	if (wished !== void 0) throw invalidField("MTU", wished, `must be ${LEAST_MTU[parts.family] + overhead} or more: ${left}`, "the vxlan settings");
	throw new OverlayError("INTERFACE_UNSUITABLE", `the MTU of ${name} is ${linkMtu}, but must be ${LEAST_MTU[parts.family] + overhead} or more: ${left}; raise it, or name another interface`);
}
/**
* The MTU for pods. A pod has one, for both families: in a dual-stack network that of the IPv6 device, the smaller,
* so that no packet of either family is dropped, fragmented, or has to wait for path MTU discovery.
*/
function podMtu(context, settings) {
	return Math.min(...enabledFamilies(context.config).map((parts) => deviceMtu(parts, context, settings)));
}

// packages/backend-vxlan/dist/settings.js
const WHERE = "the vxlan settings";
const DEFAULT_VNI = 1;
/** drivers/net/vxlan/vxlan_core.c, the module parameter `udp_port`. */
const DEFAULT_PORT = 8472;
/** IFNAMSIZ less the closing zero byte (include/uapi/linux/if.h). */
const LONGEST_NAME = 15;
/** As the network config spells them. None has a fallback here, so that an option can be told from a default. */
const fields$1 = {
	VNI: integerField(0, 2 ** 24 - 1, void 0),
	Port: integerField(0, 65535, void 0),
	MTU: integerField(0, 65535, void 0),
	GBP: booleanField(void 0),
	Learning: booleanField(void 0),
	DirectRouting: booleanField(void 0)
};
/** Checks the options of the factory. */
function readOptions(options) {
	const { values, unknownKeys } = readFields(fields$1, { ...options }, "the options of vxlan()");
	if (unknownKeys.length > 0) throw new TypeError(`vxlan() has no option ${unknownKeys.join(", ")}; it has vni, port, mtu, gbp, learning and directRouting`);
	return values;
}
/** The settings of a network: the options where given, else the config's Backend section, else the defaults. */
function readSettings(config, options) {
	const { values: section } = readFields(fields$1, config.backend?.options ?? {}, WHERE);
	const vni = options.VNI ?? section.VNI ?? DEFAULT_VNI;
	for (const parts of enabledFamilies(config)) {
		const name = deviceName(parts, vni);
		if (name.length > LONGEST_NAME) {
			const rule = `must be smaller: the device's name, ${name}, would be longer than the ${LONGEST_NAME} bytes that Linux allows`;
			throw invalidField("VNI", vni, rule, WHERE);
		}
	}
	return {
		vni,
		port: (options.Port ?? section.Port) || DEFAULT_PORT,
		mtu: (options.MTU ?? section.MTU) || void 0,
		gbp: options.GBP ?? section.GBP ?? false,
		learning: options.Learning ?? section.Learning ?? false,
		directRouting: options.DirectRouting ?? section.DirectRouting ?? false
	};
}
/** A warning for each key of the Backend section that is none of these. */
function settingsWarnings(config) {
	const { unknownKeys } = readFields(fields$1, config.backend?.options ?? {}, WHERE);
	return unknownKeyWarnings(unknownKeys, fields$1, WHERE);
}
/** `flannel.1`, and for IPv6 `flannel-v6.1`: flannel's names. */
function deviceName({ family }, vni) {
	return family === 4 ? `flannel.${vni}` : `flannel-v6.${vni}`;
}

// packages/backend-vxlan/dist/vtep.js
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;
/** The group bit, the lowest of the first octet (IEEE 802-2014, 8.2). */
const GROUP_BIT = 1;
const vtepMac$1 = {
	rule: "must be the MAC of one device, such as c6:d2:32:6f:8f:44",
	fallback: void 0,
	accepts: (value) => typeof value === "string" && MAC.test(value) && value !== "00:00:00:00:00:00" && (Number.parseInt(value.slice(0, 2), 16) & GROUP_BIT) === 0
};
const fields = {
	VNI: integerField(0, 2 ** 24 - 1, void 0),
	VtepMAC: vtepMac$1
};
/** The data that flannel publishes, in the order of its fields. */
function vtepData(vni, mac) {
	return {
		VNI: vni,
		VtepMAC: mac
	};
}
/**
* Reads what a lease says of its node's tunnel endpoint. Throws an OverlayError of code `INVALID_LEASE` where it says
* none, or one of another VNI: flannel does not look at a peer's VNI and sends, but what it sends is dropped there.
*/
function readVtep(lease, parts, vni) {
	const data = lease.attributes[parts.backendData];
	const where = `${describeLease(lease)}, ${parts.written.backendData}`;
	if (!isJsonObject(data)) throw invalidField(parts.written.backendData, data, "must be an object such as {\"VNI\":1,\"VtepMAC\":\"c6:d2:32:6f:8f:44\"}", describeLease(lease), "INVALID_LEASE");
	const { values } = readFields(fields, data, where, "INVALID_LEASE");
	if (values.VtepMAC === void 0) throw invalidField("VtepMAC", void 0, vtepMac$1.rule, where, "INVALID_LEASE");
	if (!isSameVni(values.VNI, vni)) throw invalidField("VNI", values.VNI, `this network's is ${vni}`, where, "INVALID_LEASE");
	return {
		vni: values.VNI,
		mac: String(values.VtepMAC).toLowerCase()
	};
}
/** flannel published only the lowest 16 bits of a VNI until late in 2023 (its pull request 1831). */
function isSameVni(published, vni) {
	return published === void 0 || published === vni || published === (vni & 65535);
}

// packages/backend-vxlan/dist/vtep-mac.js
/** The second-lowest bit of the first octet marks a locally administered MAC, the lowest a group's (IEEE 802-2014, 8.2). */
const LOCAL_BIT = 2;
const FREE_BITS = 252;
/**
* The MAC that a node's device bears, and publishes: the one that peers know it by where there is one, else one that
* follows from the node's public address, so that it is the same after a restart on a host that remembers nothing.
*
* @param previous what this node published before
*/
function vtepMac(addresses, previous, parts, vni) {
	const derived = deriveMac(addresses, parts, vni);
	const published = previous === void 0 ? void 0 : publishedMac(previous, parts, vni);
	if (previous === void 0 || published === void 0) return derived;
	return published === deriveMac(previous.attributes, parts, vni) ? derived : published;
}
/** What the lease says, where it says it well, whether selvedge or flannel published it. */
function publishedMac(lease, parts, vni) {
	if (lease.attributes.backendType !== "vxlan") return void 0;
	try {
		return readVtep(lease, parts, vni).mac;
	} catch (error) {
		if (isOverlayError(error, "INVALID_LEASE")) return void 0;
		throw error;
	}
}
/**
* A locally administered unicast MAC out of what the node publishes. Its last four octets are the public IPv4 address
* and its first two the same on every node, so no two nodes of a network get the same one. An IPv6 address does not
* fit: there all 46 free bits come from a hash, and among 65,000 nodes two alike are a matter of 1 in 30,000.
*/
function deriveMac({ publicIp, publicIpv6 }, { family }, vni) {
	const [first = 0, ...rest] = publicIp === void 0 ? hash(family, vni, publicIpv6 ?? "").subarray(0, 6) : [...hash(family, vni, "").subarray(0, 2), ...publicIp.split(".").map(Number)];
	return [first & FREE_BITS | LOCAL_BIT, ...rest].map((octet) => octet.toString(16).padStart(2, "0")).join(":");
}
function hash(family, vni, address) {
	return createHash("sha256").update(`selvedge vxlan ${family} ${vni} ${address}`).digest();
}

// packages/backend-vxlan/dist/vxlan.js
const TYPE = "vxlan";
/**
* The vxlan backend, compatible with flannel's: packets between hosts travel in UDP, wrapped and unwrapped by the
* kernel. One VXLAN device a family; for each peer a neighbour, a forwarding entry and a route, so that nothing is
* ever flooded or learned.
*
* Settings come from the network config's Backend section; `options` override them. Throws an OverlayError of code
* `INVALID_CONFIG` for an option out of its range, a TypeError for one that does not exist.
*/
function vxlan(options = {}) {
	const given = readOptions(options);
	const settingsOf = rememberLast((config) => readSettings(config, given));
	return {
		type: TYPE,
		requires: [TYPE],
		warnings: ({ config }) => settingsWarnings(config),
		mtu: (context) => podMtu(context, settingsOf(context.config)),
		attributes: (context) => attributes(context, settingsOf(context.config)),
		local: (context) => enabledFamilies(context.config).flatMap((parts) => device(parts, context, settingsOf(context.config))),
		peer(lease, context) {
			if (lease.attributes.backendType !== TYPE) return [];
			return enabledFamilies(context.config).flatMap((parts) => peer(parts, lease, context, settingsOf(context.config)));
		}
	};
}
function attributes(context, { vni }) {
	const addresses = publicAddresses(context);
	let published = {
		...addresses,
		backendType: TYPE
	};
	for (const parts of enabledFamilies(context.config)) {
		const mac = vtepMac(addresses, context.previous, parts, vni);
		published = {
			...published,
			[parts.backendData]: vtepData(vni, mac)
		};
	}
	return published;
}
/** The device of one family and its address. */
function device(parts, context, settings) {
	const { vni, port, learning, gbp } = settings;
	const subnet = context.lease[parts.subnet];
	if (subnet === void 0) throw new OverlayError("INVALID_LEASE", `${parts.name} is on in the network config, but this node's own lease has no ${parts.name} subnet`);
	const name = deviceName(parts, vni);
	return [link({
		name,
		type: "vxlan",
		mtu: deviceMtu(parts, context, settings),
		macAddress: readVtep(context.lease, parts, vni).mac,
		vxlan: {
			vni,
			port,
			local: interfaceAddress(context, parts),
			parent: context.externalInterface.name,
			learning,
			gbp
		},
		acceptRouterAdvertisements: false
	}), address({
		link: name,
		address: baseAddress(subnet),
		prefixLength: parts.bits
	})];
}
/** What one peer calls for in one family. */
function peer(parts, lease, context, settings) {
	const addresses = peerAddresses(lease, parts);
	if (addresses === void 0) return [];
	const { subnet, publicAddress } = addresses;
	const { mac } = readVtep(lease, parts, settings.vni);
	const { externalInterface } = context;
	if (settings.directRouting && isOnLink(externalInterface, publicAddress)) return [route({
		destination: subnet,
		gateway: publicAddress,
		device: externalInterface.name
	})];
	const name = deviceName(parts, settings.vni);
	const base = baseAddress(subnet);
	return [
		neighbour({
			link: name,
			address: base,
			macAddress: mac
		}),
		fdb({
			link: name,
			macAddress: mac,
			destination: publicAddress
		}),
		route({
			destination: subnet,
			gateway: base,
			device: name,
			onLink: true
		})
	];
}
/** A node has one network config for tens of thousands of peers: read it once. */
function rememberLast(compute) {
	let last;
	return (key) => {
		if (last?.key !== key) last = {
			key,
			value: compute(key)
		};
		return last.value;
	};
}

export { vxlan };