import { T as unknownKeyWarnings, U as OverlayError, d as interfaceAddress, f as isOnLink, l as route, m as publicAddresses, p as peerAddresses, u as describeLease, v as enabledFamilies } from "./dist-CuTn3iPo.js";

// packages/backend-hostgw/dist/host-gw.js
const TYPE = "host-gw";
/**
* The host-gw backend, compatible with flannel's: a plain route to each peer's subnet, with the peer as its gateway.
* Nothing is wrapped, so pods have the external interface's whole MTU; all nodes must be on one network.
*
* It has no settings.
*/
function hostGw() {
	return {
		type: TYPE,
		warnings: ({ config }) => unknownKeyWarnings(Object.keys(config.backend?.options ?? {}), {}, "the host-gw settings"),
		mtu: ({ externalInterface }) => externalInterface.mtu,
		attributes(context) {
			requireOwnAddresses(context);
			return {
				...publicAddresses(context),
				backendType: TYPE
			};
		},
		local(context) {
			requireOwnAddresses(context);
			return [];
		},
		peer(lease, context) {
			if (lease.attributes.backendType !== TYPE) return [];
			return enabledFamilies(context.config).flatMap((parts) => peer(parts, lease, context));
		}
	};
}
/** Peers take the public address for a gateway, so it has to be one that this host answers to. */
function requireOwnAddresses(context) {
	for (const parts of enabledFamilies(context.config)) {
		const own = interfaceAddress(context, parts);
		const published = context[parts.publicAddress];
		if (published !== void 0 && published !== own) throw new OverlayError("INTERFACE_UNSUITABLE", `the public ${parts.name} address is ${published}, but that of ${context.externalInterface.name} is ${own}: host-gw makes this host a gateway on its own network and does not work through NAT; name the interface that bears the address, or use vxlan`);
	}
}
function peer(parts, lease, context) {
	const addresses = peerAddresses(lease, parts);
	if (addresses === void 0) return [];
	const { subnet, publicAddress } = addresses;
	const { externalInterface } = context;
	if (!isOnLink(externalInterface, publicAddress)) {
		const { name, onLink } = externalInterface;
		throw new OverlayError("INVALID_LEASE", `${describeLease(lease)} cannot be routed: ${publicAddress} is not on the network of ${name} (${onLink.join(", ") || "which has none"}), and host-gw needs every node on one; use vxlan, with DirectRouting where nodes do share a network`);
	}
	return [route({
		destination: subnet,
		gateway: publicAddress,
		device: externalInterface.name
	})];
}

export { hostGw };