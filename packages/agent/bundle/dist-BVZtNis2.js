import { T as unknownKeyWarnings, m as publicAddresses } from "./dist-CuTn3iPo.js";

// packages/backend-alloc/dist/alloc.js
/**
* The alloc backend, compatible with flannel's: the node holds a subnet, and how packets get there is somebody else's
* affair. It calls for no resources, and publishes no type, as flannel does not.
*
* It has no settings.
*/
function alloc() {
	return {
		type: "alloc",
		warnings: ({ config }) => unknownKeyWarnings(Object.keys(config.backend?.options ?? {}), {}, "the alloc settings"),
		mtu: ({ externalInterface }) => externalInterface.mtu,
		attributes: (context) => publicAddresses(context),
		local: () => [],
		peer: () => []
	};
}

export { alloc };