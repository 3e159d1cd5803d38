import { n as __require, t as __commonJSMin } from "./rolldown-runtime-CoNq6U3z.js";
import { A as leaseKey, B as parseAddress, C as isJsonObject, E as systemClock, F as canonicalAddress, G as backoffDelay, H as requireCidr, L as contains, N as sameNode, O as decodeLeaseAttributes, R as familyOf, U as OverlayError, V as parseCidr, W as isOverlayError, j as parseLeaseKey, k as encodeLeaseAttributes, n as readSubnetEnv, o as link, r as writeSubnetEnv, s as linkChange, t as createOverlay, y as parseNetworkConfig } from "./dist-CuTn3iPo.js";
import { createRequire } from "node:module";
import process$1 from "node:process";
import { createHash, randomInt, randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { AF_BRIDGE, AF_INET, AF_INET6, IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_NODAD, IFA_F_PERMANENT, IFA_F_SECONDARY, IFA_F_TENTATIVE, IFF_LOOPBACK, IFF_UP, MessageReader, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NTF_PROXY, NTF_SELF, NUD_PERMANENT, NetlinkConnection, NetlinkMonitor, RTM_DELADDR, RTM_DELLINK, RTM_DELNEIGH, RTM_DELNEXTHOP, RTM_DELROUTE, RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWNEXTHOP, RTM_NEWROUTE, RTNH_F_ONLINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE, RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_NEXTHOP, RTN_BLACKHOLE, RTN_UNICAST, RTN_UNSPEC, RT_SCOPE_LINK, RT_SCOPE_NOWHERE, RT_SCOPE_UNIVERSE, RT_TABLE_MAIN, inNamespace, isDeletion, readAddressMessage, readLink, readNeighbour, readNexthop, readRoute, refusalError, refusalText, routeProtocolOf, writeAddressMessage, writeDeleteLink, writeDeleteNexthop, writeGetAddresses, writeGetLink, writeGetNeighbours, writeGetNexthops, writeGetRoutes, writeLookUpRoute, writeNeighbour, writeNewLink, writeNewNexthop, writeRoute } from "../../dataplane-linux/dist/netlink/index.js";
import { release } from "node:os";
import { accessSync, constants, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

// packages/dataplane-linux/dist/nexthop-table.js
/**
* Ids of ours are drawn from the upper half of what a signed number holds: the kernel hands out its own from 1 on,
* and people write small ones.
*/
const FIRST_ID = 2 ** 30;
const END_ID = 2 ** 31;
/** The nexthop objects that are ours. Two routes of the same path share one. */
var NexthopTable = class {
	#byId = /* @__PURE__ */ new Map();
	/** By interface index, its sign telling `onLink`, then by gateway. */
	#byPath = /* @__PURE__ */ new Map();
	#lastDrawn = 0;
	get(id) {
		return this.#byId.get(id);
	}
	/** The one that leads this way; where several do, the first that was added. */
	find(oif, gateway, onLink) {
		return this.#byPath.get(pathGroup(oif, onLink))?.get(gateway);
	}
	/** Takes up one that is known to be ours. */
	add(id, oif, gateway, onLink) {
		const known = this.#byId.get(id);
		if (known !== void 0) return known;
		const nexthop = {
			id,
			oif,
			gateway,
			onLink,
			uses: 0
		};
		this.#byId.set(id, nexthop);
		const group = pathGroup(oif, onLink);
		let gateways = this.#byPath.get(group);
		if (gateways === void 0) {
			gateways = /* @__PURE__ */ new Map();
			this.#byPath.set(group, gateways);
		}
		if (!gateways.has(gateway)) gateways.set(gateway, nexthop);
		return nexthop;
	}
	/** A new one for a path that has none, of an id that is free as far as is known here. */
	draw(oif, gateway, onLink) {
		let id = this.#lastDrawn + 1;
		while (id <= FIRST_ID || id >= END_ID || this.#byId.has(id)) id = randomInt(FIRST_ID, END_ID);
		this.#lastDrawn = id;
		return this.add(id, oif, gateway, onLink);
	}
	forget({ id, oif, gateway, onLink }) {
		this.#byId.delete(id);
		const gateways = this.#byPath.get(pathGroup(oif, onLink));
		if (gateways?.get(gateway)?.id === id) gateways.delete(gateway);
	}
	/** After an id turned out to be somebody else's: the next are drawn elsewhere. */
	drawElsewhere() {
		this.#lastDrawn = 0;
	}
};
const pathGroup = (oif, onLink) => onLink ? -oif : oif;

// packages/dataplane-linux/dist/write-entry.js
const PUT = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE;
/** @param index of the link that the entry is on */
function writeEntry(writer, sequence, { type, resource }, index) {
	switch (resource.kind) {
		case "address":
			writeAddress(writer, sequence, type, resource, index);
			break;
		case "neighbour":
			writeNeighbourEntry(writer, sequence, type, resource, index);
			break;
		case "fdb": writeForwarding(writer, sequence, type, resource, index);
	}
}
function writeAddress(writer, sequence, type, { address: local, prefixLength }, index) {
	const request = {
		index,
		local,
		prefixLength,
		flags: type === "put" && familyOf(local) === 6 ? IFA_F_NODAD : void 0
	};
	if (type === "put") writeAddressMessage(writer, RTM_NEWADDR, PUT, sequence, request);
	else writeAddressMessage(writer, RTM_DELADDR, NLM_F_REQUEST, sequence, request);
}
function writeNeighbourEntry(writer, sequence, type, { address: destination, macAddress }, index) {
	const request = {
		family: familyOf(destination) === 4 ? AF_INET : AF_INET6,
		index,
		destination,
		macAddress: type === "put" ? macAddress : void 0
	};
	if (type === "put") writeNeighbour(writer, RTM_NEWNEIGH, PUT, sequence, request);
	else writeNeighbour(writer, RTM_DELNEIGH, NLM_F_REQUEST, sequence, request);
}
/** A multicast or the all-zero MAC leads to many destinations, and is appended to; any other to one. */
const leadsToMany = (macAddress) => (Number.parseInt(macAddress.slice(0, 2), 16) & 1) === 1 || macAddress === "00:00:00:00:00:00";
function writeForwarding(writer, sequence, type, { macAddress, destination }, index) {
	const many = leadsToMany(macAddress);
	if (type === "put") {
		const flags = many ? NLM_F_REQUEST | NLM_F_CREATE | NLM_F_APPEND : PUT;
		writeNeighbour(writer, RTM_NEWNEIGH, flags, sequence, {
			family: AF_BRIDGE,
			index,
			destination,
			macAddress
		});
		return;
	}
	writeNeighbour(writer, RTM_DELNEIGH, NLM_F_REQUEST, sequence, {
		family: AF_BRIDGE,
		index,
		destination: many ? destination : void 0,
		macAddress
	});
}
function writePutRoute(writer, sequence, { destination, table, tos, metric: priority, gateway, onLink, type }, { protocol, oif, nexthopId, replace }) {
	const flags = NLM_F_REQUEST | NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL);
	const isInline = type === "unicast" && nexthopId === 0;
	writeRoute(writer, RTM_NEWROUTE, flags, sequence, {
		destination,
		table,
		tos,
		priority,
		protocol,
		type: type === "blackhole" ? RTN_BLACKHOLE : RTN_UNICAST,
		scope: isInline && gateway === void 0 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		gateway: isInline ? gateway : void 0,
		oif: isInline ? oif : 0,
		onLink: isInline && onLink,
		nexthopId
	});
}
/** Deletes the route of this key and protocol, wherever it leads. */
function writeDeleteRoute(writer, sequence, { destination, table, tos, metric: priority }, protocol) {
	writeRoute(writer, RTM_DELROUTE, NLM_F_REQUEST, sequence, {
		destination,
		table,
		tos,
		priority,
		protocol,
		type: RTN_UNSPEC,
		scope: RT_SCOPE_NOWHERE,
		gateway: void 0,
		oif: 0,
		onLink: false,
		nexthopId: 0
	});
}
/**
* @param known it is ours already: write it again, should it have gone with its link; otherwise fail with EEXIST where
* somebody has this id
*/
function writeNexthop(writer, sequence, { id, oif, gateway, onLink }, protocol, known) {
	const flags = NLM_F_REQUEST | NLM_F_CREATE | (known ? NLM_F_REPLACE : NLM_F_EXCL);
	writeNewNexthop(writer, flags, sequence, {
		id,
		protocol,
		oif,
		gateway,
		onLink
	});
}

// packages/dataplane-linux/dist/held.js
const heldAddress = (link, address, prefixLength) => ({
	kind: "address",
	key: `address ${link} ${address}/${prefixLength}`,
	link,
	address,
	prefixLength
});
const heldNeighbour = (link, address, macAddress) => ({
	kind: "neighbour",
	key: `neighbour ${link} ${address}`,
	link,
	address,
	macAddress
});
const heldForwarding = (link, macAddress, destination) => ({
	kind: "fdb",
	key: `fdb ${link} ${macAddress}${leadsToMany(macAddress) ? ` ${destination}` : ""}`,
	link,
	macAddress,
	destination
});
const heldRoute = (key, { destination, table, tos, metric, type, device, gateway, onLink }) => ({
	kind: "route",
	key,
	destination,
	table,
	tos,
	metric,
	type,
	device,
	gateway,
	onLink
});

// packages/dataplane-linux/dist/ownership.js
/** Decides which routes are an overlay's own. */
var RouteOwnership = class {
	#protocol;
	#networks;
	constructor(scope, protocol) {
		this.#protocol = protocol;
		this.#networks = scope.networks.map((text) => {
			const cidr = requireCidr(text);
			if (cidr.family === 6) return {
				cidr,
				v4: void 0
			};
			const mask = maskOf(cidr.length);
			return {
				cidr,
				v4: {
					base: Number(cidr.base),
					mask,
					length: cidr.length
				}
			};
		});
	}
	/** Routes of our protocol are ours where they lead into our networks or through a link of ours. */
	isOwn({ type, protocol, destination }, throughOwnLink) {
		if (protocol !== this.#protocol || type !== RTN_UNICAST && type !== RTN_BLACKHOLE) return false;
		return throughOwnLink || this.isInside(destination);
	}
	/** Whether a destination lies in one of our networks. */
	isInside(destination) {
		if (familyOf(destination) === 4) {
			const { value, length } = readIPv4Cidr(destination);
			return this.#networks.some(({ v4 }) => v4 !== void 0 && length >= v4.length && (value & v4.mask) >>> 0 === v4.base);
		}
		const inner = parseCidr(destination);
		return inner !== void 0 && this.#networks.some(({ cidr }) => contains(cidr, inner));
	}
};
const maskOf = (length) => length === 0 ? 0 : -1 << 32 - length >>> 0;
function readIPv4Cidr(text) {
	let value = 0;
	let part = 0;
	for (let index = 0; index < text.length; index += 1) {
		const code = text.charCodeAt(index);
		if (code === 46 || code === 47) {
			value = value << 8 | part;
			part = 0;
		} else part = part * 10 + code - 48;
	}
	return {
		value: value >>> 0,
		length: part
	};
}
/**
* A route as the core speaks of it. One with several paths is told without any: no wish is like that, so that it is
* put right.
*
* @param nexthop what the route's nexthop object says, where it leads through one
*/
function routeResource(message, nexthop, nameOf) {
	const { destination, table, tos, priority: metric, type, paths } = message;
	const isBlackhole = type === RTN_BLACKHOLE;
	const hasPath = !isBlackhole && paths.length === 0 && nexthop?.special !== true;
	const path = nexthop ?? message;
	return heldRoute(routeKey(message), {
		destination,
		table,
		tos,
		metric,
		type: isBlackhole ? "blackhole" : "unicast",
		device: hasPath ? nameOf(path.oif) : void 0,
		gateway: hasPath ? path.gateway : void 0,
		onLink: hasPath && (path.flags & RTNH_F_ONLINK) !== 0
	});
}
/** The key of the resource that a route is, without making one. */
function routeKey({ table, destination, tos, priority }) {
	return `route ${table} ${destination} ${tos} ${priority}`;
}

// packages/dataplane-linux/dist/belief.js
/**
* What the driver believes to be held since its last snapshot, and has written since. It decides nothing that is
* wished; it tells which notifications are news, which nexthop objects are in use, and what else lay under a key.
*/
var Belief = class {
	scope;
	ownership;
	/** Our own links, by index. */
	ownLinks = /* @__PURE__ */ new Map();
	/** Links whose changes matter: our own, what they and our routes go out by; with what mattered of them last. */
	watchedLinks = /* @__PURE__ */ new Map();
	/** The name of the interface that packets to peers leave by: one of that name that comes back is news. */
	externalName;
	addresses = /* @__PURE__ */ new Set();
	neighbours = /* @__PURE__ */ new Set();
	/** Forwarding entries' keys, and their destinations: the kernel does not tell who wrote them. */
	forwarding = /* @__PURE__ */ new Map();
	/** Where the kernel holds several routes of ours under one key: how many. */
	surplusRoutes = /* @__PURE__ */ new Map();
	nexthops = new NexthopTable();
	/** Keys of routes, and the nexthop object that each leads through; undefined for one that is held inline. */
	#routes = /* @__PURE__ */ new Map();
	/** How many IPv4 routes with a gateway lead through a device, by its name. */
	#routesThrough = /* @__PURE__ */ new Map();
	constructor(scope, protocol) {
		this.scope = scope;
		this.ownership = new RouteOwnership(scope, protocol);
	}
	isOwnRoute(message) {
		return this.ownership.isOwn(message, this.ownLinks.has(message.oif));
	}
	watch(link, print) {
		this.watchedLinks.set(link.index, print);
	}
	watchExternal(link, print) {
		this.externalName = link.name;
		this.watch(link, print);
	}
	hasRoute(key) {
		return this.#routes.has(key);
	}
	/** How many IPv4 routes with a gateway lead through a device. */
	countThrough(device) {
		return this.#routesThrough.get(device) ?? 0;
	}
	/**
	* @param nexthop what it leads through; undefined where it is held inline
	* @returns the nexthop object that it led through before and that no route leads through now, if any
	*/
	holdRoute(resource, nexthop) {
		const { key, device } = resource;
		const isNew = !this.#routes.has(key);
		const previous = this.#routes.get(key);
		this.#routes.set(key, nexthop);
		if (nexthop !== void 0) nexthop.uses += 1;
		if (isNew && device !== void 0 && countsForThreshold(resource)) this.#count(device, 1);
		return release$1(previous);
	}
	/** @returns the nexthop object that it led through and that no route leads through now, if any */
	forgetRoute(resource) {
		const { key, device } = resource;
		this.surplusRoutes.delete(key);
		if (!this.#routes.has(key)) return void 0;
		const previous = this.#routes.get(key);
		this.#routes.delete(key);
		if (device !== void 0 && countsForThreshold(resource)) this.#count(device, -1);
		return release$1(previous);
	}
	#count(device, difference) {
		this.#routesThrough.set(device, this.countThrough(device) + difference);
	}
};
/** Only next hops of IPv4 are compared with one another; an IPv6 gateway of IPv4 is nobody's wish. */
const countsForThreshold = ({ gateway }) => gateway !== void 0 && familyOf(gateway) === 4;
function release$1(nexthop) {
	if (nexthop === void 0) return void 0;
	nexthop.uses -= 1;
	return nexthop.uses === 0 ? nexthop : void 0;
}

// packages/dataplane-linux/dist/outcome.js
const SUCCESS = { ok: true };
/** It worked, and may have changed more than itself. */
const SUCCESS_STALE = {
	ok: true,
	stale: true
};
/** What the kernel answers to the deletion of what is gone already. */
const ALREADY_GONE = /* @__PURE__ */ new Set([
	"ESRCH",
	"ENOENT",
	"ENODEV",
	"EADDRNOTAVAIL"
]);
/**
* Answers that say that what was read before no longer holds: a link is gone or down, the external interface has lost
* its address, a nexthop object has gone with its link (EINVAL).
*/
const STALE = /* @__PURE__ */ new Set([
	"ENODEV",
	"ENXIO",
	"ENETDOWN",
	"ENETUNREACH",
	"EHOSTUNREACH",
	"EINVAL"
]);
const describe$2 = ({ type, resource }) => `${type} ${resource.key}`;
const isAlreadyGone = ({ errno }) => errno !== void 0 && ALREADY_GONE.has(errno);
/** What became of an operation of which the kernel refused a part. */
function outcomeOf(operation, refusal) {
	if (operation.type === "delete" && isAlreadyGone(refusal)) return SUCCESS;
	const stale = refusal.errno === void 0 || STALE.has(refusal.errno);
	return {
		ok: false,
		error: refusalError(refusal, describe$2(operation)),
		stale
	};
}
/** A put on a link that is not there. */
function linkGone(operation, link) {
	return {
		ok: false,
		error: new OverlayError("KERNEL_REFUSED", `${describe$2(operation)}: there is no link ${link} (${refusalText({
			errno: "ENODEV",
			text: void 0
		})})`, { errno: "ENODEV" }),
		stale: true
	};
}

// packages/dataplane-linux/dist/take-over.js
/**
* Decides what becomes of the routes that were refused. One that stands in the place of ours (EEXIST) is taken over
* where it leads the same way (flanneld's, which bears another protocol number) or goes through a link of ours; one
* that leads elsewhere is somebody else's and stays.
*
* @returns the outcomes of those that did not succeed in the end
*/
async function takeOver(context, puts, refusals) {
	const { connection, routeProtocol, options } = context;
	const { operations, links, nexthops } = puts;
	const outcomes = /* @__PURE__ */ new Map();
	const standing = [];
	for (const [number, refusal] of refusals) {
		const operation = operations[number];
		if (refusal.errno === "EEXIST") standing.push(number);
		else if (operation !== void 0) outcomes.set(number, outcomeOf(operation, refusal));
	}
	if (standing.length === 0) return outcomes;
	const inPlace = await readInPlace(context, puts, standing);
	const takeable = [];
	for (const number of standing) {
		const operation = operations[number];
		if (operation === void 0) continue;
		const rival = inPlace.get(operation.resource.key);
		if (rival === void 0 || mayTakeOver(context, rival, operation.resource, links[number] ?? 0)) takeable.push(number);
		else outcomes.set(number, conflict$1(operation, rival));
	}
	const refused = await connection.batch(takeable.length, (writer, at, sequence) => {
		const number = takeable[at] ?? 0;
		const operation = operations[number];
		if (operation === void 0) return;
		writePutRoute(writer, sequence, operation.resource, {
			protocol: routeProtocol,
			oif: links[number] ?? 0,
			nexthopId: nexthops[number]?.id ?? 0,
			replace: true
		});
	}, options);
	for (const [at, refusal] of refused) {
		const number = takeable[at] ?? 0;
		const operation = operations[number];
		if (operation !== void 0) outcomes.set(number, outcomeOf(operation, refusal));
	}
	return outcomes;
}
/** The routes that carry traffic in the place of ours, by key. */
async function readInPlace({ connection, options }, { operations }, standing) {
	const tables = /* @__PURE__ */ new Map();
	for (const number of standing) {
		const { destination = "", table = 0 } = operations[number]?.resource ?? {};
		const family = familyOf(destination) === 4 ? AF_INET : AF_INET6;
		tables.set(`${family} ${table}`, {
			family,
			table
		});
	}
	const found = /* @__PURE__ */ new Map();
	for (const filter of tables.values()) {
		const routes = await connection.dump("reading the routes that are in the way", (writer, flags, sequence) => writeGetRoutes(writer, flags, sequence, filter), readRoute, options);
		for (const route of routes) {
			const key = routeKey(route);
			if (!found.has(key)) found.set(key, route);
		}
	}
	return found;
}
function mayTakeOver({ belief, routeProtocol }, rival, { type, gateway, onLink }, oif) {
	if (rival.protocol === routeProtocol || belief.ownLinks.has(rival.oif)) return true;
	if (type === "blackhole") return rival.type === RTN_BLACKHOLE;
	const isOnLink = (rival.flags & RTNH_F_ONLINK) !== 0;
	return rival.paths.length === 0 && rival.oif === oif && rival.gateway === gateway && isOnLink === onLink;
}
function conflict$1(operation, rival) {
	const via = rival.gateway === void 0 ? "" : ` via ${rival.gateway}`;
	return {
		ok: false,
		error: new OverlayError("RESOURCE_CONFLICT", `${describe$2(operation)}: a route${via} through interface ${rival.oif}, of protocol ${rival.protocol}, stands in its place and is not ours; remove it (ip route del ${rival.destination} proto ${rival.protocol}) or choose another network`, { errno: "EEXIST" })
	};
}

// packages/dataplane-linux/dist/apply-routes.js
/** How often ids that turn out to be somebody else's are drawn anew. */
const DRAWS = 8;
async function applyRoutes(context, routes, results) {
	const puts = {
		operations: [],
		links: [],
		slots: [],
		nexthops: []
	};
	const deletes = {
		operations: [],
		links: [],
		slots: [],
		nexthops: []
	};
	for (const [number, operation] of routes.operations.entries()) {
		const lot = operation.type === "put" ? puts : deletes;
		lot.operations.push(operation);
		lot.links.push(routes.links[number] ?? 0);
		lot.slots.push(routes.slots[number] ?? 0);
		lot.nexthops.push(void 0);
	}
	if (puts.operations.length > 0) await applyPuts(context, puts, results);
	if (deletes.operations.length > 0) await applyDeletes(context, deletes, results);
}
async function applyPuts(context, puts, results) {
	const { belief } = context;
	const { operations, nexthops, slots } = puts;
	const unmade = await makeNexthops(context, puts);
	const refusals = await writePuts(context, puts, unmade);
	const outcomes = await takeOver(context, puts, refusals);
	const abandoned = [];
	for (const [number, operation] of operations.entries()) {
		const nexthop = nexthops[number];
		const refusal = unmade.get(number);
		const outcome = refusal === void 0 ? outcomes.get(number) ?? SUCCESS : outcomeOf(operation, refusal);
		results[slots[number] ?? 0] = outcome;
		if (outcome.ok) {
			const previous = belief.holdRoute(operation.resource, nexthop);
			belief.surplusRoutes.delete(operation.resource.key);
			if (previous !== void 0 && previous.uses === 0) abandoned.push(previous);
		} else if (nexthop?.uses === 0) abandoned.push(nexthop);
	}
	await deleteNexthops(context, abandoned);
}
/**
* Decides which routes are to lead through nexthop objects, makes those, and enters them into `nexthops`. Returns the
* routes whose object was refused.
*/
async function makeNexthops(context, puts) {
	const { connection, belief, routeProtocol, options } = context;
	const refused = /* @__PURE__ */ new Map();
	let left = routesThroughNexthops(context, puts);
	for (let attempt = 0; left.length > 0; attempt += 1) {
		const wanted = [];
		const known = [];
		for (const number of left) {
			const { gateway = "", onLink } = puts.operations[number]?.resource ?? {};
			const oif = puts.links[number] ?? 0;
			const found = belief.nexthops.find(oif, gateway, onLink ?? false);
			const nexthop = found ?? belief.nexthops.draw(oif, gateway, onLink ?? false);
			puts.nexthops[number] = nexthop;
			wanted.push(nexthop);
			known.push(found !== void 0);
		}
		const refusals = await connection.batch(wanted.length, (writer, at, sequence) => {
			const nexthop = wanted[at];
			if (nexthop !== void 0) writeNexthop(writer, sequence, nexthop, routeProtocol, known[at] === true);
		}, options);
		const again = [];
		for (const [at, refusal] of refusals) {
			const number = left[at] ?? 0;
			const nexthop = wanted[at];
			if (nexthop !== void 0) belief.nexthops.forget(nexthop);
			puts.nexthops[number] = void 0;
			if (refusal.errno === "EEXIST" && attempt < DRAWS) again.push(number);
			else refused.set(number, refusal);
		}
		if (again.length > 0) belief.nexthops.drawElsewhere();
		left = again;
	}
	return refused;
}
/** The numbers of those routes that are to lead through nexthop objects. */
function routesThroughNexthops({ belief, nexthopThreshold }, { operations }) {
	if (nexthopThreshold === Number.POSITIVE_INFINITY) return [];
	const after = /* @__PURE__ */ new Map();
	for (const { resource } of operations) {
		const { key, device } = resource;
		if (device === void 0 || !countsForThreshold(resource)) continue;
		const count = after.get(device) ?? belief.countThrough(device);
		after.set(device, belief.hasRoute(key) ? count : count + 1);
	}
	const chosen = [];
	for (const [number, { resource }] of operations.entries()) {
		const { device } = resource;
		if (device === void 0 || !countsForThreshold(resource)) continue;
		if ((after.get(device) ?? 0) > nexthopThreshold) chosen.push(number);
	}
	return chosen;
}
/** Writes all routes but those in `except`, and returns what was refused. */
async function writePuts({ connection, belief, routeProtocol, options }, { operations, links, nexthops }, except) {
	const messages = [];
	for (const [number, { resource }] of operations.entries()) {
		if (except.has(number)) continue;
		const surplus = belief.surplusRoutes.get(resource.key) ?? 0;
		for (let copy = 0; copy < surplus; copy += 1) messages.push(-1 - number);
		messages.push(number);
	}
	const refused = await connection.batch(messages.length, (writer, at, sequence) => {
		const message = messages[at] ?? 0;
		const number = message < 0 ? -1 - message : message;
		const operation = operations[number];
		if (operation === void 0) return;
		const { resource } = operation;
		if (message < 0) writeDeleteRoute(writer, sequence, resource, routeProtocol);
		else writePutRoute(writer, sequence, resource, {
			protocol: routeProtocol,
			oif: links[number] ?? 0,
			nexthopId: nexthops[number]?.id ?? 0,
			replace: belief.hasRoute(resource.key) || operation.type === "put" && operation.actual !== void 0
		});
	}, options);
	const refusals = /* @__PURE__ */ new Map();
	for (const [at, refusal] of refused) {
		const message = messages[at] ?? -1;
		if (message >= 0) refusals.set(message, refusal);
	}
	return refusals;
}
async function applyDeletes({ connection, belief, routeProtocol, options }, { operations, slots }, results) {
	const messages = [];
	const candidates = [];
	for (const [number, { resource }] of operations.entries()) {
		const copies = belief.surplusRoutes.get(resource.key) ?? 1;
		for (let copy = 0; copy < copies; copy += 1) messages.push(number);
		const nexthop = belief.forgetRoute(resource);
		if (nexthop !== void 0) candidates.push(nexthop);
	}
	const unused = candidates.filter(({ uses }) => uses === 0);
	const refusals = await connection.batch(messages.length + unused.length, (writer, at, sequence) => {
		const nexthop = unused[at - messages.length];
		const operation = operations[messages[at] ?? 0];
		if (nexthop !== void 0) deleteNexthop(writer, sequence, nexthop);
		else if (operation !== void 0) writeDeleteRoute(writer, sequence, operation.resource, routeProtocol);
	}, options);
	for (const nexthop of unused) belief.nexthops.forget(nexthop);
	for (const slot of slots) results[slot] = SUCCESS;
	for (const [at, refusal] of refusals) {
		const number = messages[at];
		const operation = operations[number ?? 0];
		if (number === void 0 || operation === void 0) continue;
		results[slots[number] ?? 0] = outcomeOf(operation, refusal);
	}
}
/** Deletes those of these nexthop objects that no route of ours leads through. */
async function deleteNexthops({ connection, belief, options }, candidates) {
	const unused = [...new Set(candidates)].filter(({ uses }) => uses === 0);
	if (unused.length === 0) return;
	for (const nexthop of unused) belief.nexthops.forget(nexthop);
	await connection.batch(unused.length, (writer, number, sequence) => {
		const nexthop = unused[number];
		if (nexthop !== void 0) deleteNexthop(writer, sequence, nexthop);
	}, options);
}
const deleteNexthop = (writer, sequence, { id }) => writeDeleteNexthop(writer, NLM_F_REQUEST, sequence, id);

// packages/dataplane-linux/dist/link-table.js
/** The links of a namespace as they were when they were read. */
var LinkTable = class LinkTable {
	links;
	#byIndex;
	constructor(links) {
		this.links = links;
		this.#byIndex = new Map(links.map((link) => [link.index, link]));
	}
	static async read(connection, options) {
		return new LinkTable(await connection.dump("reading links", writeGetLink, readLink, options));
	}
	byIndex(index) {
		return this.#byIndex.get(index);
	}
	nameOf(index) {
		return this.#byIndex.get(index)?.name;
	}
};
/** The link of this name now, if there is one. */
async function findLink(connection, name, options) {
	return (await connection.request(`looking up link ${name}`, (writer, flags, sequence) => writeGetLink(writer, flags, sequence, { name }), readLink, {
		...options,
		absence: ["ENODEV"]
	}))[0];
}
/**
* Kinds of links that are made for tunnels. A link that merely bears a name that we wish for is taken over only where
* it is of one of these: nobody's bridge or network card becomes ours by its name.
*/
const TUNNEL_KINDS = /* @__PURE__ */ new Set([
	"vxlan",
	"ipip",
	"sit",
	"ip6tnl",
	"wireguard",
	"tun"
]);
/** Whether a link belongs to the overlay: by its mark, or by its name where it is a tunnel. */
function isOwnLink({ name, alias, kind }, scope) {
	if (alias !== void 0 && scope.aliases.includes(alias)) return true;
	return scope.links.includes(name) && TUNNEL_KINDS.has(kind);
}
/** A link as the core speaks of it. */
function linkResource(message, parentName, acceptRouterAdvertisements) {
	const { name, kind, mtu, address, flags, alias, vxlan, parentElsewhere } = message;
	return link({
		name,
		type: kind ?? "",
		mtu,
		macAddress: address?.length === 17 ? address : void 0,
		up: (flags & IFF_UP) !== 0,
		alias,
		acceptRouterAdvertisements,
		vxlan: vxlan === void 0 ? void 0 : {
			vni: vxlan.vni ?? 0,
			port: vxlan.port ?? 0,
			local: vxlan.local,
			parent: parentElsewhere ? void 0 : parentName,
			learning: vxlan.learning ?? false,
			gbp: vxlan.gbp ?? false
		}
	});
}
/**
* What of a link's notification matters to an overlay. The kernel tells of a link at every occasion, such as each
* port that joins a bridge; only a change of this is worth a look.
*/
function fingerprint(message) {
	const { name, flags, mtu, address, kind, alias, parent } = message;
	return `${name} ${flags & IFF_UP} ${mtu} ${address} ${kind} ${alias} ${parent}`;
}

// packages/dataplane-linux/dist/apply-entries.js
const emptyLot = () => ({
	operations: [],
	links: [],
	slots: []
});
const linkOf = (resource) => resource.kind === "route" ? resource.device : resource.link;
/**
* Applies the operations from `first` on that are on anything but links, in as few system calls as they fit into, and
* puts their outcomes into `results`. Returns the position of the first operation that is on a link, or the end.
*/
async function applyEntries(context, operations, first, results) {
	const puts = emptyLot();
	const routes = emptyLot();
	const deletes = emptyLot();
	const links = /* @__PURE__ */ new Map();
	let at = first;
	for (; at < operations.length; at += 1) {
		const operation = operations[at];
		if (operation === void 0 || !isEntry(operation)) break;
		const name = linkOf(operation.resource);
		if (name !== void 0 && !links.has(name)) links.set(name, (await findLink(context.connection, name, context.options))?.index);
		const link = name === void 0 ? 0 : links.get(name);
		if (link === void 0) results[at] = onMissingLink(context.belief, operation, name ?? "");
		else if (isRoute(operation)) add(routes, operation, link, at);
		else if (isOnLink(operation)) add(operation.type === "put" ? puts : deletes, operation, link, at);
	}
	await applyOnLinks(context, puts, results);
	await applyRoutes(context, routes, results);
	await applyOnLinks(context, deletes, results);
	return at;
}
const isEntry = (operation) => operation.resource.kind !== "link";
const isRoute = (operation) => operation.resource.kind === "route";
const isOnLink = (operation) => !isRoute(operation);
function add(lot, operation, link, slot) {
	lot.operations.push(operation);
	lot.links.push(link);
	lot.slots.push(slot);
}
/** With a link all that is on it has gone. */
function onMissingLink(belief, operation, name) {
	if (operation.type === "put") return linkGone(operation, name);
	forget(belief, operation.resource);
	return SUCCESS;
}
async function applyOnLinks({ connection, belief, options }, { operations, links, slots }, results) {
	if (operations.length === 0) return;
	for (const operation of operations) remember(belief, operation);
	const refusals = await connection.batch(operations.length, (writer, number, sequence) => {
		const operation = operations[number];
		if (operation !== void 0) writeEntry(writer, sequence, operation, links[number] ?? 0);
	}, options);
	for (const [number, operation] of operations.entries()) {
		const refusal = refusals.get(number);
		const outcome = refusal === void 0 ? successOf(operation) : outcomeOf(operation, refusal);
		if (!outcome.ok && operation.type === "put") forget(belief, operation.resource);
		results[slots[number] ?? 0] = outcome;
	}
}
/** With an IPv4 address its secondaries may go; with the last one, all routes and neighbours of the link. */
const successOf = ({ type, resource }) => type === "delete" && resource.kind === "address" ? SUCCESS_STALE : SUCCESS;
function remember(belief, { type, resource }) {
	if (type === "delete") forget(belief, resource);
	else if (resource.kind === "address") belief.addresses.add(resource.key);
	else if (resource.kind === "neighbour") belief.neighbours.add(resource.key);
	else if (resource.kind === "fdb") belief.forwarding.set(resource.key, resource.destination);
}
function forget(belief, resource) {
	if (resource.kind === "address") belief.addresses.delete(resource.key);
	else if (resource.kind === "neighbour") belief.neighbours.delete(resource.key);
	else if (resource.kind === "fdb") belief.forwarding.delete(resource.key);
	else belief.forgetRoute(resource);
}

// packages/dataplane-linux/dist/apply-links.js
/** Makes, changes, makes anew or deletes one link. */
async function applyLink(context, operation) {
	try {
		const { resource } = operation;
		return await (operation.type === "put" ? putLink(context, resource) : deleteLink(context, resource));
	} catch (error) {
		context.options.signal?.throwIfAborted();
		const known = OverlayError.from(error, "KERNEL_REFUSED", describe$2(operation));
		return {
			ok: false,
			error: known,
			stale: known.errno === "ENODEV"
		};
	}
}
async function putLink(context, wish) {
	const held = await findLink(context.connection, wish.name, context.options);
	if (held === void 0) {
		await createLink(context, wish);
		return SUCCESS_STALE;
	}
	if ((held.kind ?? "") !== wish.type) throw conflict(wish, held);
	const actual = await describeHeld(context, held);
	switch (linkChange(actual, wish)) {
		case "none": return SUCCESS;
		case "change":
			await changeLink(context, held, actual, wish);
			return takesMoreWithIt(actual, wish) ? SUCCESS_STALE : SUCCESS;
		case "recreate":
			await remove(context, held);
			await createLink(context, wish);
			return SUCCESS_STALE;
	}
}
/** RFC 8200, 5: a link of a smaller MTU carries no IPv6, and Linux takes IPv6 off it. */
const LEAST_IPV6_MTU = 1280;
/** With its MAC a link loses its neighbours, going down its routes, and below the least MTU its IPv6. */
function takesMoreWithIt(actual, { up, mtu, macAddress }) {
	const hasIPv6 = (bytes) => (bytes ?? 0) >= LEAST_IPV6_MTU;
	return up !== actual.up || macAddress !== void 0 && macAddress !== actual.macAddress || mtu !== void 0 && hasIPv6(mtu) !== hasIPv6(actual.mtu);
}
async function describeHeld({ connection, sysctl, options }, held) {
	const accepts = sysctl.acceptRouterAdvertisements([held.name]).get(held.name) ?? false;
	const parent = held.vxlan?.parent;
	if (parent === void 0) return linkResource(held, void 0, accepts);
	const links = await LinkTable.read(connection, options);
	return linkResource(held, links.nameOf(parent), accepts);
}
async function createLink(context, wish) {
	const { name, type, mtu, macAddress, vxlan } = wish;
	const parent = vxlan?.parent === void 0 ? void 0 : await requireParent(context, wish, vxlan.parent);
	const request = {
		name,
		mtu,
		address: macAddress,
		kind: type,
		vxlan: vxlan === void 0 ? void 0 : {
			...vxlan,
			parent: parent?.index
		}
	};
	try {
		await send(context, `creating ${type} link ${name}`, NLM_F_CREATE | NLM_F_EXCL, request);
	} catch (error) {
		throw await explainCreation(context, wish, error);
	}
	const made = await findLink(context.connection, name, context.options);
	if (made === void 0) throw gone(name);
	await changeLink(context, made, linkResource(made, vxlan?.parent, true), wish);
}
async function changeLink(context, held, actual, wish) {
	const { belief, sysctl, connection, options } = context;
	const { name } = wish;
	const { acceptRouterAdvertisements: accept } = wish;
	if (accept !== void 0 && accept !== actual.acceptRouterAdvertisements) sysctl.setAcceptRouterAdvertisements(name, accept);
	const request = {
		index: held.index,
		address: wish.macAddress === actual.macAddress ? void 0 : wish.macAddress,
		mtu: wish.mtu === actual.mtu ? void 0 : wish.mtu,
		alias: wish.alias === actual.alias ? void 0 : wish.alias,
		up: wish.up === actual.up ? void 0 : wish.up
	};
	await send(context, `setting ${settingsText(request)} of link ${name}`, 0, request);
	const changed = await findLink(connection, name, options);
	if (changed === void 0) throw gone(name);
	belief.ownLinks.set(changed.index, name);
	belief.watch(changed, fingerprint(changed));
}
/** Such as `mtu 1400 and up true`. */
function settingsText({ index: _, ...settings }) {
	return Object.entries(settings).filter(([, value]) => value !== void 0).map(([name, value]) => `${name} ${value}`).join(" and ") || "nothing";
}
async function deleteLink(context, resource) {
	const held = await findLink(context.connection, resource.name, context.options);
	if (held === void 0) return SUCCESS;
	if ((held.kind ?? "") !== resource.type) throw conflict(resource, held);
	await remove(context, held);
	return SUCCESS_STALE;
}
async function remove({ connection, belief, options }, held) {
	belief.ownLinks.delete(held.index);
	belief.watchedLinks.delete(held.index);
	await connection.request(`deleting link ${held.name}`, (writer, flags, sequence) => writeDeleteLink(writer, flags, sequence, held.index), () => void 0, {
		...options,
		absence: ["ENODEV"]
	});
}
async function send({ connection, options }, attempted, moreFlags, request) {
	await connection.request(attempted, (writer, flags, sequence) => writeNewLink(writer, flags | moreFlags, sequence, request), () => void 0, options);
}
async function requireParent({ connection, options }, { name }, parentName) {
	const parent = await findLink(connection, parentName, options);
	if (parent !== void 0) return parent;
	throw new OverlayError("KERNEL_REFUSED", `creating link ${name}: its parent ${parentName} is not there`, { errno: "ENODEV" });
}
/** The kernel says EEXIST both of a name and of a VNI that is taken; says by whom. */
async function explainCreation({ connection, options }, { name, vxlan }, error) {
	if (!isOverlayError(error) || error.errno !== "EEXIST" || vxlan === void 0) return error;
	const { links } = await LinkTable.read(connection, options);
	const rival = links.find((link) => link.vxlan?.vni === vxlan.vni && link.name !== name);
	if (rival === void 0) return error;
	return new OverlayError("RESOURCE_CONFLICT", `${error.message}. Link ${rival.name} holds VNI ${vxlan.vni} on UDP port ${rival.vxlan?.port}, and is not ours: delete it (ip link del ${rival.name}), or give the network another VNI or port`, {
		errno: error.errno,
		cause: error
	});
}
function conflict({ name, type }, held) {
	const isUp = (held.flags & IFF_UP) !== 0 ? "up" : "down";
	return new OverlayError("RESOURCE_CONFLICT", `link ${name} is to be of type ${type}, but there is one of type ${held.kind ?? "none (hardware)"} (${isUp}) of that name, which is not ours: rename or delete it`);
}
const gone = (name) => new OverlayError("KERNEL_REFUSED", `link ${name} was deleted while it was being set up`, { errno: "ENODEV" });

// packages/dataplane-linux/dist/check.js
/** An index that no link has: the kernel counts up from 1. */
const NO_LINK = 2147483647;
/** A name that no link can have (dev_valid_name), so that nothing is made whatever the kernel thinks of the rest. */
const IMPOSSIBLE_NAME = "a/b";
/**
* Finds out whether this process may write, by asking for a change to a link that cannot be there: the kernel looks
* at rights first. Rejects with `ACCESS_DENIED`.
*/
async function checkRights(connection, options) {
	await connection.request("changing links, addresses and routes", (writer, flags, sequence) => writeNewLink(writer, flags, sequence, { index: NO_LINK }), () => void 0, {
		...options,
		absence: ["ENODEV"]
	});
}
/**
* Finds out whether the kernel knows a type of links (and has it load the module), by asking for one under a name
* that cannot be. Rejects with `UNSUPPORTED`.
*/
async function checkLinkType(connection, type, options) {
	try {
		await connection.request(`making a ${type} link`, (writer, flags, sequence) => writeNewLink(writer, flags | NLM_F_CREATE | NLM_F_EXCL, sequence, {
			name: IMPOSSIBLE_NAME,
			kind: type
		}), () => void 0, options);
	} catch (error) {
		if (!isOverlayError(error) || error.errno === void 0) throw error;
		if (error.code === "ACCESS_DENIED") throw error;
		if (error.errno !== "EOPNOTSUPP" || error.message.includes("creation via rtnetlink")) return;
		throw new OverlayError("UNSUPPORTED", `this kernel (${release()}) has no links of type ${type}: load its module (modprobe ${type}), or use a kernel or a backend that fits`, {
			errno: error.errno,
			cause: error
		});
	}
}
/** Whether the kernel has nexthop objects (Linux 5.3). */
async function hasNexthops(connection, options) {
	try {
		await connection.dump("reading nexthops", writeGetNexthops, readNexthop, options);
		return true;
	} catch (error) {
		if (isOverlayError(error, "UNSUPPORTED")) return false;
		throw error;
	}
}
/** From here on the kernel's limits of its neighbour tables leave permanent entries out (58956317c8de). */
const UNLIMITED_PERMANENT = 5;
/** What works, but not well. */
function findWarnings(sysctl, kernelRelease = release()) {
	const warnings = [];
	if (!sysctl.isWritable) warnings.push("/proc/sys is read-only here, so accept_ra of our links stays as the kernel has it; mount it writable, or set net.ipv6.conf.default.accept_ra=0 on the host");
	if (Number.parseInt(kernelRelease, 10) < UNLIMITED_PERMANENT) for (const family of [4, 6]) {
		const limit = sysctl.neighbourLimit(family);
		if (limit === void 0 || limit > 8192) continue;
		warnings.push(`Linux ${kernelRelease} counts permanent neighbours against net.ipv${family}.neigh.default.gc_thresh3, which is ${limit}: set it to more than there will be peers`);
	}
	return warnings;
}

// packages/dataplane-linux/dist/select-interface.js
/**
* The first choice that fits; the default route's interface where there are no choices. Throws
* `INTERFACE_NOT_FOUND`, saying what was looked for and what there is.
*/
function selectInterface(choices, surroundings) {
	for (const choice of choices) {
		const found = tryChoice(choice, surroundings);
		if (found !== void 0) return found;
	}
	if (choices.length === 0) {
		const found = surroundings.candidates.find(({ index }) => index === surroundings.defaultIndex);
		if (found !== void 0) return describe$1(found, []);
	}
	throw notFound(choices, surroundings.candidates);
}
function tryChoice(choice, surroundings) {
	const { candidates, ways } = surroundings;
	if (choice instanceof RegExp) return matchPattern(choice, candidates);
	if (typeof choice === "object") {
		const way = ways.get(choice.canReach);
		const found = candidates.find(({ index }) => index === way?.index);
		return found && describe$1(found, way?.source === void 0 ? [] : [way.source]);
	}
	if (parseAddress(choice) === void 0) {
		const found = candidates.find(({ name }) => name === choice);
		return found && describe$1(found, []);
	}
	const address = canonicalAddress(choice);
	const found = candidates.find(({ addresses }) => addresses.includes(address));
	return found && describe$1(found, [address]);
}
function matchPattern(pattern, candidates) {
	const matches = (text) => new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")).test(text);
	for (const candidate of candidates) {
		const address = candidate.addresses.find(matches);
		if (address !== void 0) return describe$1(candidate, [address]);
	}
	const named = candidates.find(({ name }) => matches(name));
	return named && describe$1(named, []);
}
/** @param preferred addresses to take over the interface's first of their family */
function describe$1({ name, mtu, addresses, onLink }, preferred) {
	const pick = (family) => preferred.find((address) => familyOf(address) === family) ?? addresses.find((address) => familyOf(address) === family);
	const ipv4 = pick(4);
	const ipv6 = pick(6);
	return {
		name,
		mtu,
		...ipv4 === void 0 ? {} : { ipv4 },
		...ipv6 === void 0 ? {} : { ipv6 },
		onLink
	};
}
function notFound(choices, candidates) {
	const looked = choices.length === 0 ? "there is no default route, so its interface cannot be taken" : `no interface fits ${choices.map(describeChoice).join(", nor ")}`;
	const there = candidates.filter(({ isLoopback }) => !isLoopback).map(({ name, addresses, isUp }) => `${name}${isUp ? "" : " (down)"} [${addresses.join(" ")}]`);
	return new OverlayError("INTERFACE_NOT_FOUND", `${looked}. There are: ${there.join(", ") || "none but loopback"}. Name one, or one of its addresses`);
}
function describeChoice(choice) {
	if (choice instanceof RegExp) return `the pattern ${choice}`;
	if (typeof choice === "object") return `the way to ${choice.canReach}`;
	return `'${choice}'`;
}

// packages/dataplane-linux/dist/external-interface.js
/** Finds the interface that packets to peers leave by, as it is now. */
async function findExternalInterface(connection, choices, routeProtocol, options) {
	const links = await LinkTable.read(connection, options);
	const addresses = await connection.dump("reading addresses", writeGetAddresses, readAddressMessage, options);
	const direct = await readDirectRoutes(connection, routeProtocol, options);
	const candidates = links.links.map((link) => candidateOf(link, addresses, direct));
	const external = selectInterface(choices, {
		candidates,
		defaultIndex: choices.length > 0 ? void 0 : defaultIndexOf(direct),
		ways: await lookUpWays(connection, choices, options)
	});
	const link = links.links.find(({ name }) => name === external.name);
	if (link === void 0) throw new TypeError(`selectInterface chose '${external.name}', which is no candidate`);
	return {
		external,
		link
	};
}
/** The main table's routes that may tell what is on a link, and the default routes. */
async function readDirectRoutes(connection, routeProtocol, options) {
	const routes = [];
	for (const family of [AF_INET, AF_INET6]) {
		const found = await connection.dump("reading routes", (writer, flags, sequence) => writeGetRoutes(writer, flags, sequence, {
			family,
			table: RT_TABLE_MAIN
		}), (message) => {
			if (routeProtocolOf(message) === routeProtocol) return void 0;
			const route = readRoute(message);
			return route !== void 0 && route.type === RTN_UNICAST && (isDirect(route) || isDefault(route)) ? route : void 0;
		}, {
			...options,
			absence: ["ENOENT"]
		});
		routes.push(...found);
	}
	return routes;
}
const isDefault = ({ destination }) => destination === "0.0.0.0/0" || destination === "::/0";
const isDirect = ({ gateway, paths, nexthopId, oif }) => gateway === void 0 && paths.length === 0 && nexthopId === 0 && oif !== 0;
/** Of the lowest metric; IPv4's before IPv6's. Of several paths, the first. */
function defaultIndexOf(routes) {
	const [best] = routes.filter(isDefault).sort((a, b) => a.family - b.family || a.priority - b.priority);
	return best?.paths[0]?.oif ?? best?.oif;
}
function candidateOf({ index, name, mtu, flags }, addresses, direct) {
	const onLink = direct.filter((route) => route.oif === index && isDirect(route) && !isDefault(route));
	return {
		index,
		name,
		mtu,
		isUp: (flags & IFF_UP) !== 0,
		isLoopback: (flags & IFF_LOOPBACK) !== 0,
		addresses: usableAddresses(addresses.filter((address) => address.index === index)),
		onLink: [...new Set(onLink.map(({ destination }) => destination))].filter((destination) => destination !== "fe80::/64")
	};
}
/**
* Addresses that may be the source of packets to peers, best first: of global scope before link-local ones, lasting
* before temporary. Of IPv6 only those that are known to be unique and not on their way out.
*/
function usableAddresses(addresses) {
	const usable = addresses.filter(({ family, scope, flags }) => {
		if (scope > RT_SCOPE_LINK) return false;
		return family === AF_INET || scope === RT_SCOPE_UNIVERSE && (flags & UNUSABLE_IPV6) === 0;
	});
	const rank = ({ scope, flags }) => (scope === RT_SCOPE_UNIVERSE ? 0 : 2) + ((flags & IFA_F_SECONDARY) === 0 ? 0 : 1);
	return usable.sort((a, b) => rank(a) - rank(b)).map(({ local }) => local);
}
const UNUSABLE_IPV6 = IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED;
async function lookUpWays(connection, choices, options) {
	const ways = /* @__PURE__ */ new Map();
	for (const choice of choices) {
		if (typeof choice !== "object" || choice instanceof RegExp) continue;
		const address = canonicalAddress(choice.canReach);
		const [route] = await connection.request(`looking up the way to ${address}`, (writer, flags, sequence) => writeLookUpRoute(writer, flags, sequence, address), readRoute, {
			...options,
			absence: NO_WAY
		});
		if (route !== void 0) ways.set(choice.canReach, {
			index: route.oif,
			source: route.source
		});
	}
	return ways;
}
/** What the kernel answers where no route leads to an address. */
const NO_WAY = ["ENETUNREACH", "EHOSTUNREACH"];

// packages/dataplane-linux/dist/knowledge.js
/**
* The belief in force. While a snapshot is being read there is none to judge notifications by: the old one is about
* to go, and the new one holds what was read before a change as well as what was read after. So they wait for it.
*/
var Knowledge = class {
	#belief;
	#reading = false;
	#listeners = /* @__PURE__ */ new Set();
	get belief() {
		return this.#belief;
	}
	/** The belief to judge by now; undefined where notifications must wait for the next. */
	get certain() {
		return this.#reading ? void 0 : this.#belief;
	}
	/** Reads a new belief. Where that fails the old one stays in force. */
	async renew(read) {
		this.#reading = true;
		try {
			const result = await read();
			this.#belief = result.belief;
			return result;
		} finally {
			this.#reading = false;
			if (this.#belief !== void 0) for (const listener of this.#listeners) listener(this.#belief);
		}
	}
	/** Called after each reading. Returns what ends it. */
	onRead(listener) {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}
	/** For one that writes before it has read. */
	assume(belief) {
		this.#belief ??= belief;
		return this.#belief;
	}
};

// packages/dataplane-linux/dist/options.js
/** Numbers up to here are the kernel's and `ip`'s own: unspec, redirect, kernel, boot, static. */
const LAST_RESERVED_PROTOCOL = 4;
/**
* In none of the lists of protocol numbers that are about: include/uapi/linux/rtnetlink.h, iproute2's rt_protos,
* Calico (80), OVN (84), FRR (11, 186 to 198).
*/
const DEFAULT_ROUTE_PROTOCOL = 157;
/**
* The kernel keeps next hops that differ in their gateway only in one hash chain (net/ipv4/fib_semantics.c,
* fib_info_hashfn), so adding the n-th route of that sort compares it with all before: 5,000 take 0.3 s, 20,000 take
* 5 s. At 256 it is not to be noticed yet, and `ip route` reads as it does under flannel.
*/
const DEFAULT_NEXTHOP_THRESHOLD = 256;
/** Fills in what is absent. Throws `INVALID_CONFIG` for a value out of its range. */
function readOptions(options) {
	const { routeProtocol = 157, nexthopThreshold = 256 } = options;
	const choice = options.interface ?? [];
	if (!Number.isInteger(routeProtocol) || routeProtocol <= LAST_RESERVED_PROTOCOL || routeProtocol > 255) throw new OverlayError("INVALID_CONFIG", `routeProtocol ${routeProtocol} must be a whole number from 5 to 255`);
	if (!(nexthopThreshold >= 0)) throw new OverlayError("INVALID_CONFIG", `nexthopThreshold ${nexthopThreshold} must be 0 or more`);
	return {
		namespace: options.namespace,
		interfaces: isList(choice) ? choice : [choice],
		routeProtocol,
		nexthopThreshold
	};
}
/** `Array.isArray` does not tell a readonly array from what else the union holds. */
const isList = (choice) => Array.isArray(choice);

// packages/dataplane-linux/dist/snapshot.js
/** Reads all that is the overlay's own. */
async function readSnapshot(source, scope, options) {
	const belief = new Belief(scope, source.routeProtocol);
	const resources = [];
	const links = await LinkTable.read(source.connection, options);
	const own = links.links.filter((link) => isOwnLink(link, scope));
	if (source.external !== void 0) {
		const external = links.byIndex(source.external.index) ?? source.external;
		belief.watchExternal(external, fingerprint(external));
	}
	collectLinks(source.sysctl, links, own, belief, resources);
	for (const link of own) {
		await readAddresses(source.connection, link, belief, resources, options);
		await readNeighbours(source.connection, link, belief, resources, options);
		if (link.kind === "vxlan") await readForwarding(source.connection, link, belief, resources, options);
	}
	await readRoutes(source, links, belief, resources, options);
	return {
		resources,
		belief
	};
}
function collectLinks(sysctl, links, own, belief, resources) {
	const accepting = sysctl.acceptRouterAdvertisements(own.map(({ name }) => name));
	for (const link of own) {
		const parent = links.byIndex(link.vxlan?.parent ?? 0);
		belief.ownLinks.set(link.index, link.name);
		belief.watch(link, fingerprint(link));
		if (parent !== void 0) belief.watch(parent, fingerprint(parent));
		resources.push(linkResource(link, parent?.name, accepting.get(link.name) ?? false));
	}
}
async function readAddresses(connection, { index, name }, belief, resources, options) {
	const addresses = await connection.dump(`reading addresses of ${name}`, (writer, flags, sequence) => writeGetAddresses(writer, flags, sequence, { index }), readAddressMessage, options);
	for (const { local, prefixLength, flags, index: on } of addresses) {
		if (on !== index || (flags & IFA_F_PERMANENT) === 0 || isLinkLocal(local)) continue;
		const resource = heldAddress(name, local, prefixLength);
		belief.addresses.add(resource.key);
		resources.push(resource);
	}
}
async function readNeighbours(connection, { index, name }, belief, resources, options) {
	for (const family of [AF_INET, AF_INET6]) {
		const neighbours = await connection.dump(`reading neighbours on ${name}`, (writer, flags, sequence) => writeGetNeighbours(writer, flags, sequence, {
			family,
			index
		}), readNeighbour, options);
		for (const { state, flags, destination, macAddress, index: on, family: of } of neighbours) {
			if (of !== family || on !== index || (state & NUD_PERMANENT) === 0 || (flags & NTF_PROXY) !== 0) continue;
			if (destination === void 0 || macAddress?.length !== 17) continue;
			const resource = heldNeighbour(name, destination, macAddress);
			belief.neighbours.add(resource.key);
			resources.push(resource);
		}
	}
}
async function readForwarding(connection, { index, name }, belief, resources, options) {
	const entries = await connection.dump(`reading forwarding entries of ${name}`, (writer, flags, sequence) => writeGetNeighbours(writer, flags, sequence, {
		family: AF_BRIDGE,
		index
	}), readNeighbour, options);
	for (const { state, flags, destination, macAddress, differs, index: on } of entries) {
		if (on !== index || (state & NUD_PERMANENT) === 0 || (flags & NTF_SELF) === 0) continue;
		if (destination === void 0 || macAddress === void 0 || differs) continue;
		const resource = heldForwarding(name, macAddress, destination);
		belief.forwarding.set(resource.key, destination);
		resources.push(resource);
	}
}
async function readRoutes(source, links, belief, resources, options) {
	const routes = await readOwnRoutes(source, belief, options);
	const nexthops = await readNexthops(source, options);
	for (const { id, protocol, oif, gateway, flags } of nexthops.values()) {
		if (protocol !== source.routeProtocol || gateway === void 0 || !belief.ownLinks.has(oif)) continue;
		belief.nexthops.add(id, oif, gateway, (flags & RTNH_F_ONLINK) !== 0);
	}
	const nameOf = (index) => links.nameOf(index);
	for (const route of routes) {
		const nexthop = nexthops.get(route.nexthopId);
		const resource = routeResource(route, nexthop, nameOf);
		if (belief.hasRoute(resource.key)) {
			tellSurplus(belief, resources, route);
			continue;
		}
		belief.holdRoute(resource, ownNexthop(source, belief, nexthop));
		const oif = (nexthop ?? route).oif;
		const device = belief.watchedLinks.has(oif) ? void 0 : links.byIndex(oif);
		if (device !== void 0) belief.watch(device, fingerprint(device));
		resources.push(resource);
	}
}
/** Of a key that several routes share, one is told that leads nowhere: no wish is like that, so it is put right. */
function tellSurplus(belief, resources, route) {
	const bare = routeResource({
		...route,
		paths: [route]
	}, void 0, () => void 0);
	belief.surplusRoutes.set(bare.key, (belief.surplusRoutes.get(bare.key) ?? 1) + 1);
	resources[resources.findIndex(({ key }) => key === bare.key)] = bare;
}
/** What a route of ours leads through. On a device that others use too, that is ours and nothing else is. */
function ownNexthop({ routeProtocol }, belief, nexthop) {
	if (nexthop?.gateway === void 0 || nexthop.protocol !== routeProtocol) return void 0;
	const { id, oif, gateway, flags } = nexthop;
	return belief.nexthops.add(id, oif, gateway, (flags & RTNH_F_ONLINK) !== 0);
}
async function readOwnRoutes({ connection, routeProtocol }, belief, options) {
	const own = [];
	for (const family of [AF_INET, AF_INET6]) {
		const filter = {
			family,
			protocol: routeProtocol
		};
		const routes = await connection.dump("reading routes", (writer, flags, sequence) => writeGetRoutes(writer, flags, sequence, filter), readRoute, options);
		for (const route of routes) if (route.family === family && belief.isOwnRoute(route)) own.push(route);
	}
	return own;
}
async function readNexthops({ connection, hasNexthops }, options) {
	if (!hasNexthops) return /* @__PURE__ */ new Map();
	const nexthops = await connection.dump("reading nexthops", writeGetNexthops, readNexthop, options);
	return new Map(nexthops.map((nexthop) => [nexthop.id, nexthop]));
}
/** The address that the kernel itself gives to every interface that speaks IPv6 (RFC 4291, 2.5.6). */
const isLinkLocal = (address) => /^fe[89ab][0-9a-f]:/.test(address);

// packages/dataplane-linux/dist/sysctl.js
/**
* Settings under /proc/sys/net, which shows those of the network namespace of the thread that opens a file there.
*/
var Sysctl = class {
	#namespace;
	/** @param namespace by path; this thread's own where undefined */
	constructor(namespace) {
		this.#namespace = namespace;
	}
	/**
	* Whether each of the links accepts router advertisements. A link without IPv6 accepts none; and where the setting
	* cannot be written (a container with /proc/sys mounted read-only), none is told, so that nobody tries in vain.
	*/
	acceptRouterAdvertisements(links) {
		if (links.length === 0) return /* @__PURE__ */ new Map();
		return inNamespace(this.#namespace, () => {
			const answers = /* @__PURE__ */ new Map();
			for (const link of links) {
				const path = acceptRaPath(link);
				answers.set(link, isWritable(path) && readFileSync(path, "utf8").trim() !== "0");
			}
			return answers;
		});
	}
	setAcceptRouterAdvertisements(link, accept) {
		inNamespace(this.#namespace, () => {
			const path = acceptRaPath(link);
			if (!isWritable(path)) return;
			try {
				writeFileSync(path, accept ? "1" : "0");
			} catch (error) {
				throw OverlayError.from(error, "KERNEL_REFUSED", `setting ${path}`);
			}
		});
	}
	/** False where /proc/sys/net is there for IPv6 but is mounted read-only. */
	get isWritable() {
		return inNamespace(this.#namespace, () => {
			const path = acceptRaPath("all");
			return !exists(path) || isWritable(path);
		});
	}
	/** `net.<family>.neigh.default.gc_thresh3`: the size of the neighbour table, or undefined where it is not shown. */
	neighbourLimit(family) {
		return inNamespace(this.#namespace, () => {
			const path = `/proc/sys/net/ipv${family}/neigh/default/gc_thresh3`;
			return exists(path) ? Number(readFileSync(path, "utf8")) : void 0;
		});
	}
};
const acceptRaPath = (link) => `/proc/sys/net/ipv6/conf/${link}/accept_ra`;
const exists = (path) => isAccessible(path, constants.F_OK);
const isWritable = (path) => isAccessible(path, constants.W_OK);
function isAccessible(path, mode) {
	try {
		accessSync(path, mode);
		return true;
	} catch {
		return false;
	}
}

// packages/dataplane-linux/dist/news.js
/**
* Whether a notification tells of a change that may concern the overlay and that is not its own doing. On a host
* whose pods come and go most do not, and a reader woken for each would do nothing else.
*
* Where the kernel tells who caused a change (the sender's port), our own are known by it. Of forwarding entries and
* IPv6 addresses it does not; there, news is what contradicts what is believed to be held.
*/
function isNews(message, belief, ownPort) {
	switch (message.type) {
		case RTM_NEWLINK:
		case RTM_DELLINK: return isLinkNews(message, belief);
		case RTM_NEWADDR:
		case RTM_DELADDR: return message.port !== ownPort && isAddressNews(message, belief);
		case RTM_NEWROUTE:
		case RTM_DELROUTE: return message.port !== ownPort && isRouteNews(message, belief);
		case RTM_NEWNEIGH:
		case RTM_DELNEIGH: return message.port !== ownPort && isNeighbourNews(message, belief);
		case RTM_NEWNEXTHOP:
		case RTM_DELNEXTHOP: return message.port !== ownPort && belief.nexthops.get(readNexthop(message).id) !== void 0;
		default: return false;
	}
}
function isLinkNews(message, belief) {
	const link = readLink(message);
	const before = belief.watchedLinks.get(link.index);
	if (message.buffer.readUInt8(message.start) === AF_BRIDGE) return false;
	if (isDeletion(message.type)) {
		belief.watchedLinks.delete(link.index);
		return before !== void 0;
	}
	if (before === void 0) return link.name === belief.externalName || isOwnLink(link, belief.scope);
	const now = fingerprint(link);
	if (now === before) return false;
	belief.watch(link, now);
	return true;
}
function isAddressNews(message, belief) {
	const address = readAddressMessage(message);
	if (address === void 0 || !belief.watchedLinks.has(address.index)) return false;
	const name = belief.ownLinks.get(address.index);
	if (name === void 0) return true;
	const key = `address ${name} ${address.local}/${address.prefixLength}`;
	const isHeld = belief.addresses.has(key);
	if (isDeletion(message.type)) return isHeld;
	return !isHeld && (address.flags & IFA_F_PERMANENT) !== 0 && !address.local.startsWith("fe80:");
}
function isRouteNews(message, belief) {
	const route = readRoute(message);
	if (route === void 0) return false;
	if (belief.isOwnRoute(route)) return true;
	if (!isDeletion(message.type) && belief.hasRoute(routeKey(route))) return true;
	return (route.destination === "0.0.0.0/0" || route.destination === "::/0") && route.table === RT_TABLE_MAIN;
}
function isNeighbourNews(message, belief) {
	if (message.end - message.start < 12) return false;
	const name = belief.ownLinks.get(message.buffer.readInt32LE(message.start + 4));
	if (name === void 0) return false;
	const entry = readNeighbour(message);
	if (entry === void 0) return false;
	const { family, state, destination, macAddress } = entry;
	const isPermanent = (state & NUD_PERMANENT) !== 0;
	if (family === AF_INET || family === AF_INET6) return isPermanent ? !isDeletion(message.type) : belief.neighbours.has(`neighbour ${name} ${destination}`);
	if (macAddress === void 0 || destination === void 0) return false;
	const suffix = leadsToMany(macAddress) ? ` ${destination}` : "";
	const held = belief.forwarding.get(`fdb ${name} ${macAddress}${suffix}`);
	if (isDeletion(message.type)) return held === destination;
	return isPermanent ? held !== destination || entry.differs : held !== void 0;
}

// packages/dataplane-linux/dist/watch.js
const GROUPS = [
	RTNLGRP_LINK,
	RTNLGRP_NEIGH,
	RTNLGRP_IPV4_IFADDR,
	RTNLGRP_IPV6_IFADDR,
	RTNLGRP_IPV4_ROUTE,
	RTNLGRP_IPV6_ROUTE
];
/** Notifications that wait for a snapshot to end. More than these are not kept; the snapshot is repeated instead. */
const MOST_WAITING = 1e4;
/** Yields as soon as there is news, and once for all the news that came while nobody asked. */
async function* watchKernel(source) {
	const { signal } = source;
	if (signal.aborted) return;
	const pending = /* @__PURE__ */ new Set();
	let failure;
	let wake = () => {};
	const tell = (type) => {
		pending.add(type);
		wake();
	};
	const { knowledge, ownPort } = source;
	let waiting = [];
	const hear = (message) => {
		if (pending.has("changed")) return;
		const belief = knowledge.certain;
		if (belief !== void 0) {
			if (isNews(message, belief, ownPort)) tell("changed");
		} else if (waiting.length === MOST_WAITING) tell("overrun");
		else waiting.push(Buffer.from(message.bytes()));
	};
	const stopListening = knowledge.onRead(() => {
		const late = waiting;
		waiting = [];
		for (const bytes of late) {
			const message = new MessageReader(bytes);
			if (message.next()) hear(message);
		}
	});
	const abort = () => wake();
	const monitor = new NetlinkMonitor({
		namespace: source.namespace,
		deafTo: ownPort,
		...source.receiveBuffer === void 0 ? {} : { receiveBuffer: source.receiveBuffer },
		groups: source.hasNexthops ? [...GROUPS, RTNLGRP_NEXTHOP] : GROUPS,
		onNotification: hear,
		onOverrun: () => tell("overrun"),
		onError: (error) => {
			failure ??= error;
			wake();
		}
	});
	signal.addEventListener("abort", abort, { once: true });
	try {
		for (;;) {
			if (failure !== void 0) throw failure;
			if (signal.aborted) return;
			const [type] = pending;
			if (type !== void 0) {
				pending.delete(type);
				yield { type };
				continue;
			}
			await new Promise((resolve) => {
				wake = resolve;
			});
		}
	} finally {
		signal.removeEventListener("abort", abort);
		stopListening();
		monitor.close();
	}
}

// packages/dataplane-linux/dist/linux.js
/**
* The driver of the Linux kernel's links, addresses, routes, neighbours and forwarding entries, over netlink. Nothing
* is opened before it is first used.
*
* One driver serves one overlay; several overlays, each with its own, share a host and its namespace.
*
* @throws OverlayError `INVALID_CONFIG` for an option out of its range
*/
function linux(options = {}) {
	return new LinuxDriver(readOptions(options));
}
var LinuxDriver = class {
	name = "linux";
	kinds = [
		"link",
		"address",
		"route",
		"neighbour",
		"fdb"
	];
	#settings;
	#sysctl;
	#open;
	/** Aborted when the driver is disposed of. */
	#end = new AbortController();
	#knowledge = new Knowledge();
	/** The interface that packets to peers leave by, as it was last found. */
	#external;
	/** Reads and writes take turns: what one believes must not be of the middle of the other. */
	#turn = Promise.resolve();
	constructor(settings) {
		this.#settings = settings;
		this.#sysctl = new Sysctl(settings.namespace);
	}
	async check(requirements, options = {}) {
		const { connection } = await this.#use(options);
		await checkRights(connection, options);
		for (const type of requirements) await checkLinkType(connection, type, options);
		return findWarnings(this.#sysctl);
	}
	async externalInterface(options = {}) {
		const { connection } = await this.#use(options);
		const { interfaces, routeProtocol } = this.#settings;
		const { external, link } = await findExternalInterface(connection, interfaces, routeProtocol, options);
		this.#external = link;
		this.#knowledge.belief?.watchExternal(link, fingerprint(link));
		return external;
	}
	async snapshot(scope, options = {}) {
		const { connection, hasNexthops } = await this.#use(options);
		return this.#takeTurn(async () => {
			const source = {
				connection,
				hasNexthops,
				sysctl: this.#sysctl,
				routeProtocol: this.#settings.routeProtocol,
				external: this.#external
			};
			const { resources } = await this.#knowledge.renew(() => readSnapshot(source, scope, options));
			return resources;
		});
	}
	async apply(operations, options = {}) {
		const { connection, hasNexthops } = await this.#use(options);
		return this.#takeTurn(async () => {
			const { routeProtocol, nexthopThreshold } = this.#settings;
			const nothing = new Belief({
				aliases: [],
				links: [],
				networks: []
			}, routeProtocol);
			const context = {
				connection,
				options,
				routeProtocol,
				belief: this.#knowledge.assume(nothing),
				sysctl: this.#sysctl,
				nexthopThreshold: hasNexthops ? nexthopThreshold : Number.POSITIVE_INFINITY
			};
			const results = new Array(operations.length);
			for (let at = 0; at < operations.length;) {
				const operation = operations[at];
				if (operation !== void 0 && isLinkOperation(operation)) {
					results[at] = await applyLink(context, operation);
					at += 1;
					continue;
				}
				at = await applyEntries(context, operations, at, results);
			}
			return results;
		});
	}
	async *watch({ signal }) {
		if (signal.aborted) return;
		const { connection, hasNexthops } = await this.#use({});
		yield* watchKernel({
			namespace: this.#settings.namespace,
			ownPort: connection.port,
			hasNexthops,
			knowledge: this.#knowledge,
			signal: AbortSignal.any([signal, this.#end.signal])
		});
	}
	async [Symbol.asyncDispose]() {
		this.#end.abort();
		await (await this.#open?.catch(() => void 0))?.connection[Symbol.asyncDispose]();
	}
	async #use({ signal }) {
		signal?.throwIfAborted();
		if (this.#end.signal.aborted) throw new OverlayError("CLOSED", "the Linux driver was disposed of");
		this.#open ??= this.#openConnection();
		try {
			return await this.#open;
		} catch (error) {
			this.#open = void 0;
			throw error;
		}
	}
	async #openConnection() {
		const connection = new NetlinkConnection({ namespace: this.#settings.namespace });
		try {
			return {
				connection,
				hasNexthops: await hasNexthops(connection, {})
			};
		} catch (error) {
			await connection[Symbol.asyncDispose]();
			throw error;
		}
	}
	#takeTurn(body) {
		const result = this.#turn.then(body);
		this.#turn = result.then(() => {}, () => {});
		return result;
	}
};
const isLinkOperation = (operation) => operation.resource.kind === "link";

// node_modules/pino-std-serializers/lib/err-helpers.js
var require_err_helpers = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const isErrorLike = (err) => {
		return err && typeof err.message === "string";
	};
	/**
	* @param {Error|{ cause?: unknown|(()=>err)}} err
	* @returns {Error|Object|undefined}
	*/
	const getErrorCause = (err) => {
		if (!err) return;
		/** @type {unknown} */
		const cause = err.cause;
		if (typeof cause === "function") {
			const causeResult = err.cause();
			return isErrorLike(causeResult) ? causeResult : void 0;
		} else return isErrorLike(cause) ? cause : void 0;
	};
	/**
	* Internal method that keeps a track of which error we have already added, to avoid circular recursion
	*
	* @private
	* @param {Error} err
	* @param {Set<Error>} seen
	* @returns {string}
	*/
	const _stackWithCauses = (err, seen) => {
		if (!isErrorLike(err)) return "";
		const stack = err.stack || "";
		if (seen.has(err)) return stack + "\ncauses have become circular...";
		const cause = getErrorCause(err);
		if (cause) {
			seen.add(err);
			return stack + "\ncaused by: " + _stackWithCauses(cause, seen);
		} else return stack;
	};
	/**
	* @param {Error} err
	* @returns {string}
	*/
	const stackWithCauses = (err) => _stackWithCauses(err, /* @__PURE__ */ new Set());
	/**
	* Internal method that keeps a track of which error we have already added, to avoid circular recursion
	*
	* @private
	* @param {Error} err
	* @param {Set<Error>} seen
	* @param {boolean} [skip]
	* @returns {string}
	*/
	const _messageWithCauses = (err, seen, skip) => {
		if (!isErrorLike(err)) return "";
		const message = skip ? "" : err.message || "";
		if (seen.has(err)) return message + ": ...";
		const cause = getErrorCause(err);
		if (cause) {
			seen.add(err);
			const skipIfVErrorStyleCause = typeof err.cause === "function";
			return message + (skipIfVErrorStyleCause ? "" : ": ") + _messageWithCauses(cause, seen, skipIfVErrorStyleCause);
		} else return message;
	};
	/**
	* @param {Error} err
	* @returns {string}
	*/
	const messageWithCauses = (err) => _messageWithCauses(err, /* @__PURE__ */ new Set());
	module.exports = {
		isErrorLike,
		getErrorCause,
		stackWithCauses,
		messageWithCauses
	};
}));

// node_modules/pino-std-serializers/lib/err-proto.js
var require_err_proto = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const seen = Symbol("circular-ref-tag");
	const rawSymbol = Symbol("pino-raw-err-ref");
	const pinoErrProto = Object.create({}, {
		type: {
			enumerable: true,
			writable: true,
			value: void 0
		},
		message: {
			enumerable: true,
			writable: true,
			value: void 0
		},
		stack: {
			enumerable: true,
			writable: true,
			value: void 0
		},
		aggregateErrors: {
			enumerable: true,
			writable: true,
			value: void 0
		},
		raw: {
			enumerable: false,
			get: function() {
				return this[rawSymbol];
			},
			set: function(val) {
				this[rawSymbol] = val;
			}
		}
	});
	Object.defineProperty(pinoErrProto, rawSymbol, {
		writable: true,
		value: {}
	});
	module.exports = {
		pinoErrProto,
		pinoErrorSymbols: {
			seen,
			rawSymbol
		}
	};
}));

// node_modules/pino-std-serializers/lib/err.js
var require_err = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	module.exports = errSerializer;
	const { messageWithCauses, stackWithCauses, isErrorLike } = require_err_helpers();
	const { pinoErrProto, pinoErrorSymbols } = require_err_proto();
	const { seen } = pinoErrorSymbols;
	const { toString } = Object.prototype;
	function errSerializer(err) {
		if (!isErrorLike(err)) return err;
		err[seen] = void 0;
		const _err = Object.create(pinoErrProto);
		_err.type = toString.call(err.constructor) === "[object Function]" ? err.constructor.name : err.name;
		_err.message = messageWithCauses(err);
		_err.stack = stackWithCauses(err);
		if (Array.isArray(err.errors)) _err.aggregateErrors = err.errors.map((err) => errSerializer(err));
		for (const key in err) if (_err[key] === void 0) {
			const val = err[key];
			if (isErrorLike(val)) {
				if (key !== "cause" && !Object.prototype.hasOwnProperty.call(val, seen)) _err[key] = errSerializer(val);
			} else _err[key] = val;
		}
		delete err[seen];
		_err.raw = err;
		return _err;
	}
}));

// node_modules/pino-std-serializers/lib/err-with-cause.js
var require_err_with_cause = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	module.exports = errWithCauseSerializer;
	const { isErrorLike } = require_err_helpers();
	const { pinoErrProto, pinoErrorSymbols } = require_err_proto();
	const { seen } = pinoErrorSymbols;
	const { toString } = Object.prototype;
	function errWithCauseSerializer(err) {
		if (!isErrorLike(err)) return err;
		err[seen] = void 0;
		const _err = Object.create(pinoErrProto);
		_err.type = toString.call(err.constructor) === "[object Function]" ? err.constructor.name : err.name;
		_err.message = err.message;
		_err.stack = err.stack;
		if (Array.isArray(err.errors)) _err.aggregateErrors = err.errors.map((err) => errWithCauseSerializer(err));
		if (isErrorLike(err.cause) && !Object.prototype.hasOwnProperty.call(err.cause, seen)) _err.cause = errWithCauseSerializer(err.cause);
		for (const key in err) if (_err[key] === void 0) {
			const val = err[key];
			if (isErrorLike(val)) {
				if (!Object.prototype.hasOwnProperty.call(val, seen)) _err[key] = errWithCauseSerializer(val);
			} else _err[key] = val;
		}
		delete err[seen];
		_err.raw = err;
		return _err;
	}
}));

// node_modules/pino-std-serializers/lib/req.js
var require_req = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	module.exports = {
		mapHttpRequest,
		reqSerializer
	};
	const rawSymbol = Symbol("pino-raw-req-ref");
	const pinoReqProto = Object.create({}, {
		id: {
			enumerable: true,
			writable: true,
			value: ""
		},
		method: {
			enumerable: true,
			writable: true,
			value: ""
		},
		url: {
			enumerable: true,
			writable: true,
			value: ""
		},
		query: {
			enumerable: true,
			writable: true,
			value: ""
		},
		params: {
			enumerable: true,
			writable: true,
			value: ""
		},
		headers: {
			enumerable: true,
			writable: true,
			value: {}
		},
		remoteAddress: {
			enumerable: true,
			writable: true,
			value: ""
		},
		remotePort: {
			enumerable: true,
			writable: true,
			value: ""
		},
		raw: {
			enumerable: false,
			get: function() {
				return this[rawSymbol];
			},
			set: function(val) {
				this[rawSymbol] = val;
			}
		}
	});
	Object.defineProperty(pinoReqProto, rawSymbol, {
		writable: true,
		value: {}
	});
	function reqSerializer(req) {
		const connection = req.info || req.socket;
		const _req = Object.create(pinoReqProto);
		_req.id = typeof req.id === "function" ? req.id() : req.id || (req.info ? req.info.id : void 0);
		_req.method = req.method;
		if (req.originalUrl) _req.url = req.originalUrl;
		else {
			const path = req.path;
			_req.url = typeof path === "string" ? path : req.url ? req.url.path || req.url : void 0;
		}
		if (req.query) _req.query = req.query;
		if (req.params) _req.params = req.params;
		_req.headers = req.headers;
		_req.remoteAddress = connection && connection.remoteAddress;
		_req.remotePort = connection && connection.remotePort;
		_req.raw = req.raw || req;
		return _req;
	}
	function mapHttpRequest(req) {
		return { req: reqSerializer(req) };
	}
}));

// node_modules/pino-std-serializers/lib/res.js
var require_res = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	module.exports = {
		mapHttpResponse,
		resSerializer
	};
	const rawSymbol = Symbol("pino-raw-res-ref");
	const pinoResProto = Object.create({}, {
		statusCode: {
			enumerable: true,
			writable: true,
			value: 0
		},
		headers: {
			enumerable: true,
			writable: true,
			value: ""
		},
		raw: {
			enumerable: false,
			get: function() {
				return this[rawSymbol];
			},
			set: function(val) {
				this[rawSymbol] = val;
			}
		}
	});
	Object.defineProperty(pinoResProto, rawSymbol, {
		writable: true,
		value: {}
	});
	function resSerializer(res) {
		const _res = Object.create(pinoResProto);
		_res.statusCode = res.headersSent ? res.statusCode : null;
		_res.headers = res.getHeaders ? res.getHeaders() : res._headers;
		_res.raw = res;
		return _res;
	}
	function mapHttpResponse(res) {
		return { res: resSerializer(res) };
	}
}));

// node_modules/pino-std-serializers/index.js
var require_pino_std_serializers = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const errSerializer = require_err();
	const errWithCauseSerializer = require_err_with_cause();
	const reqSerializers = require_req();
	const resSerializers = require_res();
	module.exports = {
		err: errSerializer,
		errWithCause: errWithCauseSerializer,
		mapHttpRequest: reqSerializers.mapHttpRequest,
		mapHttpResponse: resSerializers.mapHttpResponse,
		req: reqSerializers.reqSerializer,
		res: resSerializers.resSerializer,
		wrapErrorSerializer: function wrapErrorSerializer(customSerializer) {
			if (customSerializer === errSerializer) return customSerializer;
			return function wrapErrSerializer(err) {
				return customSerializer(errSerializer(err));
			};
		},
		wrapRequestSerializer: function wrapRequestSerializer(customSerializer) {
			if (customSerializer === reqSerializers.reqSerializer) return customSerializer;
			return function wrappedReqSerializer(req) {
				return customSerializer(reqSerializers.reqSerializer(req));
			};
		},
		wrapResponseSerializer: function wrapResponseSerializer(customSerializer) {
			if (customSerializer === resSerializers.resSerializer) return customSerializer;
			return function wrappedResSerializer(res) {
				return customSerializer(resSerializers.resSerializer(res));
			};
		}
	};
}));

// node_modules/pino/lib/caller.js
var require_caller = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const util = __require("node:util");
	const getCallSites = util.getCallSites ?? util.getCallSite;
	function noOpPrepareStackTrace(_, stack) {
		return stack;
	}
	module.exports = function getCallers() {
		if (getCallSites) return getCallSites().slice(2).map((callSite) => callSite.scriptName);
		const originalPrepare = Error.prepareStackTrace;
		Error.prepareStackTrace = noOpPrepareStackTrace;
		const stack = (/* @__PURE__ */ new Error()).stack;
		Error.prepareStackTrace = originalPrepare;
		if (!Array.isArray(stack)) return;
		const entries = stack.slice(2);
		const fileNames = [];
		for (const entry of entries) {
			if (!entry) continue;
			fileNames.push(entry.getFileName());
		}
		return fileNames;
	};
}));

// node_modules/@pinojs/redact/index.js
var require_redact = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	function deepClone(obj) {
		if (obj === null || typeof obj !== "object") return obj;
		if (obj instanceof Date) return new Date(obj.getTime());
		if (obj instanceof Array) {
			const cloned = [];
			for (let i = 0; i < obj.length; i++) cloned[i] = deepClone(obj[i]);
			return cloned;
		}
		if (typeof obj === "object") {
			const cloned = Object.create(Object.getPrototypeOf(obj));
			for (const key in obj) if (Object.prototype.hasOwnProperty.call(obj, key)) cloned[key] = deepClone(obj[key]);
			return cloned;
		}
		return obj;
	}
	function parsePath(path) {
		const parts = [];
		let current = "";
		let inBrackets = false;
		let inQuotes = false;
		let quoteChar = "";
		for (let i = 0; i < path.length; i++) {
			const char = path[i];
			if (!inBrackets && char === ".") {
				if (current) {
					parts.push(current);
					current = "";
				}
			} else if (char === "[") {
				if (current) {
					parts.push(current);
					current = "";
				}
				inBrackets = true;
			} else if (char === "]" && inBrackets) {
				parts.push(current);
				current = "";
				inBrackets = false;
				inQuotes = false;
			} else if ((char === "\"" || char === "'") && inBrackets) {
				if (!inQuotes) {
					inQuotes = true;
					quoteChar = char;
				} else if (char === quoteChar) {
					inQuotes = false;
					quoteChar = "";
				} else current += char;
			} else current += char;
		}
		if (current) parts.push(current);
		return parts;
	}
	function setValue(obj, parts, value) {
		let current = obj;
		for (let i = 0; i < parts.length - 1; i++) {
			const key = parts[i];
			if (typeof current !== "object" || current === null || !(key in current)) return false;
			if (typeof current[key] !== "object" || current[key] === null) return false;
			current = current[key];
		}
		const lastKey = parts[parts.length - 1];
		if (lastKey === "*") {
			if (Array.isArray(current)) for (let i = 0; i < current.length; i++) current[i] = value;
			else if (typeof current === "object" && current !== null) {
				for (const key in current) if (Object.prototype.hasOwnProperty.call(current, key)) current[key] = value;
			}
		} else if (typeof current === "object" && current !== null && lastKey in current && Object.prototype.hasOwnProperty.call(current, lastKey)) current[lastKey] = value;
		return true;
	}
	function removeKey(obj, parts) {
		let current = obj;
		for (let i = 0; i < parts.length - 1; i++) {
			const key = parts[i];
			if (typeof current !== "object" || current === null || !(key in current)) return false;
			if (typeof current[key] !== "object" || current[key] === null) return false;
			current = current[key];
		}
		const lastKey = parts[parts.length - 1];
		if (lastKey === "*") {
			if (Array.isArray(current)) for (let i = 0; i < current.length; i++) current[i] = void 0;
			else if (typeof current === "object" && current !== null) {
				for (const key in current) if (Object.prototype.hasOwnProperty.call(current, key)) delete current[key];
			}
		} else if (typeof current === "object" && current !== null && lastKey in current && Object.prototype.hasOwnProperty.call(current, lastKey)) delete current[lastKey];
		return true;
	}
	const PATH_NOT_FOUND = Symbol("PATH_NOT_FOUND");
	function getValueIfExists(obj, parts) {
		let current = obj;
		for (const part of parts) {
			if (current === null || current === void 0) return PATH_NOT_FOUND;
			if (typeof current !== "object" || current === null) return PATH_NOT_FOUND;
			if (!(part in current)) return PATH_NOT_FOUND;
			current = current[part];
		}
		return current;
	}
	function getValue(obj, parts) {
		let current = obj;
		for (const part of parts) {
			if (current === null || current === void 0) return;
			if (typeof current !== "object" || current === null) return;
			current = current[part];
		}
		return current;
	}
	function redactPaths(obj, paths, censor, remove = false) {
		for (const path of paths) {
			const parts = parsePath(path);
			if (parts.includes("*")) redactWildcardPath(obj, parts, censor, path, remove);
			else if (remove) removeKey(obj, parts);
			else {
				const value = getValueIfExists(obj, parts);
				if (value === PATH_NOT_FOUND) continue;
				setValue(obj, parts, typeof censor === "function" ? censor(value, parts) : censor);
			}
		}
	}
	function redactWildcardPath(obj, parts, censor, originalPath, remove = false) {
		const wildcardIndex = parts.indexOf("*");
		if (wildcardIndex === parts.length - 1) {
			const parentParts = parts.slice(0, -1);
			let current = obj;
			for (const part of parentParts) {
				if (current === null || current === void 0) return;
				if (typeof current !== "object" || current === null) return;
				current = current[part];
			}
			if (Array.isArray(current)) {
				if (remove) for (let i = 0; i < current.length; i++) current[i] = void 0;
				else for (let i = 0; i < current.length; i++) {
					const indexPath = [...parentParts, i.toString()];
					const actualCensor = typeof censor === "function" ? censor(current[i], indexPath) : censor;
					current[i] = actualCensor;
				}
			} else if (typeof current === "object" && current !== null) {
				if (remove) {
					const keysToDelete = [];
					for (const key in current) if (Object.prototype.hasOwnProperty.call(current, key)) keysToDelete.push(key);
					for (const key of keysToDelete) delete current[key];
				} else for (const key in current) {
					const keyPath = [...parentParts, key];
					const actualCensor = typeof censor === "function" ? censor(current[key], keyPath) : censor;
					current[key] = actualCensor;
				}
			}
		} else redactIntermediateWildcard(obj, parts, censor, wildcardIndex, originalPath, remove);
	}
	function redactIntermediateWildcard(obj, parts, censor, wildcardIndex, originalPath, remove = false) {
		const beforeWildcard = parts.slice(0, wildcardIndex);
		const afterWildcard = parts.slice(wildcardIndex + 1);
		const pathArray = [];
		function traverse(current, pathLength) {
			if (pathLength === beforeWildcard.length) {
				if (Array.isArray(current)) for (let i = 0; i < current.length; i++) {
					pathArray[pathLength] = i.toString();
					traverse(current[i], pathLength + 1);
				}
				else if (typeof current === "object" && current !== null) for (const key in current) {
					pathArray[pathLength] = key;
					traverse(current[key], pathLength + 1);
				}
			} else if (pathLength < beforeWildcard.length) {
				const nextKey = beforeWildcard[pathLength];
				if (current && typeof current === "object" && current !== null && nextKey in current) {
					pathArray[pathLength] = nextKey;
					traverse(current[nextKey], pathLength + 1);
				}
			} else if (afterWildcard.includes("*")) redactWildcardPath(current, afterWildcard, typeof censor === "function" ? (value, path) => {
				return censor(value, [...pathArray.slice(0, pathLength), ...path]);
			} : censor, originalPath, remove);
			else if (remove) removeKey(current, afterWildcard);
			else {
				const actualCensor = typeof censor === "function" ? censor(getValue(current, afterWildcard), [...pathArray.slice(0, pathLength), ...afterWildcard]) : censor;
				setValue(current, afterWildcard, actualCensor);
			}
		}
		if (beforeWildcard.length === 0) traverse(obj, 0);
		else {
			let current = obj;
			for (let i = 0; i < beforeWildcard.length; i++) {
				const part = beforeWildcard[i];
				if (current === null || current === void 0) return;
				if (typeof current !== "object" || current === null) return;
				current = current[part];
				pathArray[i] = part;
			}
			if (current !== null && current !== void 0) traverse(current, beforeWildcard.length);
		}
	}
	function buildPathStructure(pathsToClone) {
		if (pathsToClone.length === 0) return null;
		const pathStructure = /* @__PURE__ */ new Map();
		for (const path of pathsToClone) {
			const parts = parsePath(path);
			let current = pathStructure;
			for (let i = 0; i < parts.length; i++) {
				const part = parts[i];
				if (!current.has(part)) current.set(part, /* @__PURE__ */ new Map());
				current = current.get(part);
			}
		}
		return pathStructure;
	}
	function selectiveClone(obj, pathStructure) {
		if (!pathStructure) return obj;
		function cloneSelectively(source, pathMap, depth = 0) {
			if (!pathMap || pathMap.size === 0) return source;
			if (source === null || typeof source !== "object") return source;
			if (source instanceof Date) return new Date(source.getTime());
			if (Array.isArray(source)) {
				const cloned = [];
				for (let i = 0; i < source.length; i++) {
					const indexStr = i.toString();
					if (pathMap.has(indexStr) || pathMap.has("*")) cloned[i] = cloneSelectively(source[i], pathMap.get(indexStr) || pathMap.get("*"));
					else cloned[i] = source[i];
				}
				return cloned;
			}
			const cloned = Object.create(Object.getPrototypeOf(source));
			for (const key in source) if (Object.prototype.hasOwnProperty.call(source, key)) {
				if (pathMap.has(key) || pathMap.has("*")) cloned[key] = cloneSelectively(source[key], pathMap.get(key) || pathMap.get("*"));
				else cloned[key] = source[key];
			}
			return cloned;
		}
		return cloneSelectively(obj, pathStructure);
	}
	function validatePath(path) {
		if (typeof path !== "string") throw new Error("Paths must be (non-empty) strings");
		if (path === "") throw new Error("Invalid redaction path ()");
		if (path.includes("..")) throw new Error(`Invalid redaction path (${path})`);
		if (path.includes(",")) throw new Error(`Invalid redaction path (${path})`);
		let bracketCount = 0;
		let inQuotes = false;
		let quoteChar = "";
		for (let i = 0; i < path.length; i++) {
			const char = path[i];
			if ((char === "\"" || char === "'") && bracketCount > 0) {
				if (!inQuotes) {
					inQuotes = true;
					quoteChar = char;
				} else if (char === quoteChar) {
					inQuotes = false;
					quoteChar = "";
				}
			} else if (char === "[" && !inQuotes) bracketCount++;
			else if (char === "]" && !inQuotes) {
				bracketCount--;
				if (bracketCount < 0) throw new Error(`Invalid redaction path (${path})`);
			}
		}
		if (bracketCount !== 0) throw new Error(`Invalid redaction path (${path})`);
	}
	function validatePaths(paths) {
		if (!Array.isArray(paths)) throw new TypeError("paths must be an array");
		for (const path of paths) validatePath(path);
	}
	function slowRedact(options = {}) {
		const { paths = [], censor = "[REDACTED]", serialize = JSON.stringify, strict = true, remove = false } = options;
		validatePaths(paths);
		const pathStructure = buildPathStructure(paths);
		return function redact(obj) {
			if (strict && (obj === null || typeof obj !== "object")) {
				if (obj === null || obj === void 0) return serialize ? serialize(obj) : obj;
				if (typeof obj !== "object") return serialize ? serialize(obj) : obj;
			}
			const cloned = selectiveClone(obj, pathStructure);
			const original = obj;
			let actualCensor = censor;
			if (typeof censor === "function") actualCensor = censor;
			redactPaths(cloned, paths, actualCensor, remove);
			if (serialize === false) {
				cloned.restore = function() {
					return deepClone(original);
				};
				return cloned;
			}
			if (typeof serialize === "function") return serialize(cloned);
			return JSON.stringify(cloned);
		};
	}
	module.exports = slowRedact;
}));

// node_modules/pino/lib/symbols.js
var require_symbols = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const setLevelSym = Symbol("pino.setLevel");
	const getLevelSym = Symbol("pino.getLevel");
	const levelValSym = Symbol("pino.levelVal");
	const levelCompSym = Symbol("pino.levelComp");
	const useLevelLabelsSym = Symbol("pino.useLevelLabels");
	const useOnlyCustomLevelsSym = Symbol("pino.useOnlyCustomLevels");
	const mixinSym = Symbol("pino.mixin");
	const lsCacheSym = Symbol("pino.lsCache");
	const chindingsSym = Symbol("pino.chindings");
	const asJsonSym = Symbol("pino.asJson");
	const writeSym = Symbol("pino.write");
	const redactFmtSym = Symbol("pino.redactFmt");
	const timeSym = Symbol("pino.time");
	const timeSliceIndexSym = Symbol("pino.timeSliceIndex");
	const streamSym = Symbol("pino.stream");
	const stringifySym = Symbol("pino.stringify");
	const stringifySafeSym = Symbol("pino.stringifySafe");
	const stringifiersSym = Symbol("pino.stringifiers");
	const endSym = Symbol("pino.end");
	const formatOptsSym = Symbol("pino.formatOpts");
	const messageKeySym = Symbol("pino.messageKey");
	const errorKeySym = Symbol("pino.errorKey");
	const nestedKeySym = Symbol("pino.nestedKey");
	const nestedKeyStrSym = Symbol("pino.nestedKeyStr");
	const mixinMergeStrategySym = Symbol("pino.mixinMergeStrategy");
	const msgPrefixSym = Symbol("pino.msgPrefix");
	const wildcardFirstSym = Symbol("pino.wildcardFirst");
	const serializersSym = Symbol.for("pino.serializers");
	const formattersSym = Symbol.for("pino.formatters");
	const hooksSym = Symbol.for("pino.hooks");
	const needsMetadataGsym = Symbol.for("pino.metadata");
	const transportUsesMultistreamSym = Symbol.for("pino.transport.usesMultistream");
	module.exports = {
		setLevelSym,
		getLevelSym,
		levelValSym,
		levelCompSym,
		useLevelLabelsSym,
		mixinSym,
		lsCacheSym,
		chindingsSym,
		asJsonSym,
		writeSym,
		serializersSym,
		redactFmtSym,
		timeSym,
		timeSliceIndexSym,
		streamSym,
		stringifySym,
		stringifySafeSym,
		stringifiersSym,
		endSym,
		formatOptsSym,
		messageKeySym,
		errorKeySym,
		nestedKeySym,
		wildcardFirstSym,
		needsMetadataGsym,
		useOnlyCustomLevelsSym,
		formattersSym,
		hooksSym,
		nestedKeyStrSym,
		mixinMergeStrategySym,
		msgPrefixSym,
		transportUsesMultistreamSym
	};
}));

// node_modules/pino/lib/redaction.js
var require_redaction = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const Redact = require_redact();
	const { redactFmtSym, wildcardFirstSym } = require_symbols();
	const rx = /[^.[\]]+|\[([^[\]]*?)\]/g;
	const CENSOR = "[Redacted]";
	const strict = false;
	function redaction(opts, serialize) {
		const { paths, censor, remove } = handle(opts);
		const shape = paths.reduce((o, str) => {
			rx.lastIndex = 0;
			const first = rx.exec(str);
			const next = rx.exec(str);
			let ns = first[1] !== void 0 ? first[1].replace(/^(?:"|'|`)(.*)(?:"|'|`)$/, "$1") : first[0];
			if (ns === "*") ns = wildcardFirstSym;
			if (next === null) {
				o[ns] = null;
				return o;
			}
			if (o[ns] === null) return o;
			const { index } = next;
			const nextPath = `${str.substr(index, str.length - 1)}`;
			o[ns] = o[ns] || [];
			if (ns !== wildcardFirstSym && o[ns].length === 0) o[ns].push(...o[wildcardFirstSym] || []);
			if (ns === wildcardFirstSym) Object.keys(o).forEach(function(k) {
				if (o[k]) o[k].push(nextPath);
			});
			o[ns].push(nextPath);
			return o;
		}, Object.create(null));
		const result = Object.assign(Object.create(null), { [redactFmtSym]: Redact({
			paths,
			censor,
			serialize,
			strict,
			remove
		}) });
		const topCensor = (...args) => {
			return typeof censor === "function" ? serialize(censor(...args)) : serialize(censor);
		};
		return [...Object.keys(shape), ...Object.getOwnPropertySymbols(shape)].reduce((o, k) => {
			if (shape[k] === null) o[k] = (value) => topCensor(value, [k]);
			else {
				const wrappedCensor = typeof censor === "function" ? (value, path) => {
					return censor(value, [k, ...path]);
				} : censor;
				o[k] = Redact({
					paths: shape[k],
					censor: wrappedCensor,
					serialize,
					strict,
					remove
				});
			}
			return o;
		}, result);
	}
	function handle(opts) {
		if (Array.isArray(opts)) {
			opts = {
				paths: opts,
				censor: CENSOR
			};
			return opts;
		}
		let { paths, censor = CENSOR, remove } = opts;
		if (Array.isArray(paths) === false) throw Error("pino – redact must contain an array of strings");
		if (remove === true) censor = void 0;
		return {
			paths,
			censor,
			remove
		};
	}
	module.exports = redaction;
}));

// node_modules/pino/lib/time.js
var require_time = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const nullTime = () => "";
	const epochTime = () => `,"time":${Date.now()}`;
	const unixTime = () => `,"time":${Math.round(Date.now() / 1e3)}`;
	const isoTime = () => `,"time":"${new Date(Date.now()).toISOString()}"`;
	const NS_PER_MS = 1000000n;
	const NS_PER_SEC = 1000000000n;
	const startWallTimeNs = BigInt(Date.now()) * NS_PER_MS;
	const startHrTime = process.hrtime.bigint();
	const isoTimeNano = () => {
		const elapsedNs = process.hrtime.bigint() - startHrTime;
		const currentTimeNs = startWallTimeNs + elapsedNs;
		const secondsSinceEpoch = currentTimeNs / NS_PER_SEC;
		const nanosWithinSecond = currentTimeNs % NS_PER_SEC;
		const msSinceEpoch = Number(secondsSinceEpoch * 1000n + nanosWithinSecond / 1000000n);
		const date = new Date(msSinceEpoch);
		return `,"time":"${date.getUTCFullYear()}-${(date.getUTCMonth() + 1).toString().padStart(2, "0")}-${date.getUTCDate().toString().padStart(2, "0")}T${date.getUTCHours().toString().padStart(2, "0")}:${date.getUTCMinutes().toString().padStart(2, "0")}:${date.getUTCSeconds().toString().padStart(2, "0")}.${nanosWithinSecond.toString().padStart(9, "0")}Z"`;
	};
	module.exports = {
		nullTime,
		epochTime,
		unixTime,
		isoTime,
		isoTimeNano
	};
}));

// node_modules/quick-format-unescaped/index.js
var require_quick_format_unescaped = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	function tryStringify(o) {
		try {
			return JSON.stringify(o);
		} catch (e) {
			return "\"[Circular]\"";
		}
	}
	module.exports = format;
	function format(f, args, opts) {
		var ss = opts && opts.stringify || tryStringify;
		var offset = 1;
		if (typeof f === "object" && f !== null) {
			var len = args.length + offset;
			if (len === 1) return f;
			var objects = new Array(len);
			objects[0] = ss(f);
			for (var index = 1; index < len; index++) objects[index] = ss(args[index]);
			return objects.join(" ");
		}
		if (typeof f !== "string") return f;
		var argLen = args.length;
		if (argLen === 0) return f;
		var str = "";
		var a = 1 - offset;
		var lastPos = -1;
		var flen = f && f.length || 0;
		for (var i = 0; i < flen;) {
			if (f.charCodeAt(i) === 37 && i + 1 < flen) {
				lastPos = lastPos > -1 ? lastPos : 0;
				switch (f.charCodeAt(i + 1)) {
					case 100:
					case 102:
						if (a >= argLen) break;
						if (args[a] == null) break;
						if (lastPos < i) str += f.slice(lastPos, i);
						str += Number(args[a]);
						lastPos = i + 2;
						i++;
						break;
					case 105:
						if (a >= argLen) break;
						if (args[a] == null) break;
						if (lastPos < i) str += f.slice(lastPos, i);
						str += Math.floor(Number(args[a]));
						lastPos = i + 2;
						i++;
						break;
					case 79:
					case 111:
					case 106:
						if (a >= argLen) break;
						if (args[a] === void 0) break;
						if (lastPos < i) str += f.slice(lastPos, i);
						var type = typeof args[a];
						if (type === "string") {
							str += "'" + args[a] + "'";
							lastPos = i + 2;
							i++;
							break;
						}
						if (type === "function") {
							str += args[a].name || "<anonymous>";
							lastPos = i + 2;
							i++;
							break;
						}
						str += ss(args[a]);
						lastPos = i + 2;
						i++;
						break;
					case 115:
						if (a >= argLen) break;
						if (lastPos < i) str += f.slice(lastPos, i);
						str += String(args[a]);
						lastPos = i + 2;
						i++;
						break;
					case 37:
						if (lastPos < i) str += f.slice(lastPos, i);
						str += "%";
						lastPos = i + 2;
						i++;
						a--;
				}
				++a;
			}
			++i;
		}
		if (lastPos === -1) return f;
		else if (lastPos < flen) str += f.slice(lastPos);
		return str;
	}
}));

// node_modules/atomic-sleep/index.js
var require_atomic_sleep = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	if (typeof SharedArrayBuffer !== "undefined" && typeof Atomics !== "undefined") {
		const nil = new Int32Array(new SharedArrayBuffer(4));
		function sleep(ms) {
			if ((ms > 0 && ms < Infinity) === false) {
				if (typeof ms !== "number" && typeof ms !== "bigint") throw TypeError("sleep: ms must be a number");
				throw RangeError("sleep: ms must be a number that is greater than 0 but less than Infinity");
			}
			Atomics.wait(nil, 0, 0, Number(ms));
		}
		module.exports = sleep;
	} else {
		function sleep(ms) {
			if ((ms > 0 && ms < Infinity) === false) {
				if (typeof ms !== "number" && typeof ms !== "bigint") throw TypeError("sleep: ms must be a number");
				throw RangeError("sleep: ms must be a number that is greater than 0 but less than Infinity");
			}
			const target = Date.now() + Number(ms);
			while (target > Date.now());
		}
		module.exports = sleep;
	}
}));

// node_modules/sonic-boom/index.js
var require_sonic_boom = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const fs = __require("fs");
	const EventEmitter = __require("events");
	const inherits = __require("util").inherits;
	const path = __require("path");
	const sleep = require_atomic_sleep();
	const assert = __require("assert");
	const BUSY_WRITE_TIMEOUT = 100;
	const kEmptyBuffer = Buffer.allocUnsafe(0);
	const MAX_WRITE = 16384;
	const kContentModeBuffer = "buffer";
	const kContentModeUtf8 = "utf8";
	const [major, minor] = (process.versions.node || "0.0").split(".").map(Number);
	const kCopyBuffer = major >= 22 && minor >= 7;
	function openFile(file, sonic) {
		sonic._opening = true;
		sonic._writing = true;
		sonic._asyncDrainScheduled = false;
		function fileOpened(err, fd) {
			if (err) {
				sonic._reopening = false;
				sonic._writing = false;
				sonic._opening = false;
				if (sonic.sync) process.nextTick(() => {
					if (sonic.listenerCount("error") > 0) sonic.emit("error", err);
				});
				else sonic.emit("error", err);
				return;
			}
			const reopening = sonic._reopening;
			sonic.fd = fd;
			sonic.file = file;
			sonic._reopening = false;
			sonic._opening = false;
			sonic._writing = false;
			if (sonic.sync) process.nextTick(() => sonic.emit("ready"));
			else sonic.emit("ready");
			if (sonic.destroyed) return;
			if (!sonic._writing && sonic._len > sonic.minLength || sonic._flushPending) sonic._actualWrite();
			else if (reopening) process.nextTick(() => sonic.emit("drain"));
		}
		const flags = sonic.append ? "a" : "w";
		const mode = sonic.mode;
		if (sonic.sync) try {
			if (sonic.mkdir) fs.mkdirSync(path.dirname(file), { recursive: true });
			fileOpened(null, fs.openSync(file, flags, mode));
		} catch (err) {
			fileOpened(err);
			throw err;
		}
		else if (sonic.mkdir) fs.mkdir(path.dirname(file), { recursive: true }, (err) => {
			if (err) return fileOpened(err);
			fs.open(file, flags, mode, fileOpened);
		});
		else fs.open(file, flags, mode, fileOpened);
	}
	function SonicBoom(opts) {
		if (!(this instanceof SonicBoom)) return new SonicBoom(opts);
		let { fd, dest, minLength, maxLength, maxWrite, periodicFlush, sync, append = true, mkdir, retryEAGAIN, fsync, contentMode, mode } = opts || {};
		fd = fd || dest;
		this._len = 0;
		this.fd = -1;
		this._bufs = [];
		this._lens = [];
		this._writing = false;
		this._ending = false;
		this._reopening = false;
		this._asyncDrainScheduled = false;
		this._flushPending = false;
		this._hwm = Math.max(minLength || 0, 16387);
		this.file = null;
		this.destroyed = false;
		this.minLength = minLength || 0;
		this.maxLength = maxLength || 0;
		this.maxWrite = maxWrite || MAX_WRITE;
		this._periodicFlush = periodicFlush || 0;
		this._periodicFlushTimer = void 0;
		this.sync = sync || false;
		this.writable = true;
		this._fsync = fsync || false;
		this.append = append || false;
		this.mode = mode;
		this.retryEAGAIN = retryEAGAIN || (() => true);
		this.mkdir = mkdir || false;
		let fsWriteSync;
		let fsWrite;
		if (contentMode === kContentModeBuffer) {
			this._writingBuf = kEmptyBuffer;
			this.write = writeBuffer;
			this.flush = flushBuffer;
			this.flushSync = flushBufferSync;
			this._actualWrite = actualWriteBuffer;
			fsWriteSync = () => fs.writeSync(this.fd, this._writingBuf);
			fsWrite = () => fs.write(this.fd, this._writingBuf, this.release);
		} else if (contentMode === void 0 || contentMode === kContentModeUtf8) {
			this._writingBuf = "";
			this.write = write;
			this.flush = flush;
			this.flushSync = flushSync;
			this._actualWrite = actualWrite;
			fsWriteSync = () => {
				if (Buffer.isBuffer(this._writingBuf)) return fs.writeSync(this.fd, this._writingBuf);
				return fs.writeSync(this.fd, this._writingBuf, "utf8");
			};
			fsWrite = () => {
				if (Buffer.isBuffer(this._writingBuf)) return fs.write(this.fd, this._writingBuf, this.release);
				return fs.write(this.fd, this._writingBuf, "utf8", this.release);
			};
		} else throw new Error(`SonicBoom supports "${kContentModeUtf8}" and "${kContentModeBuffer}", but passed ${contentMode}`);
		if (typeof fd === "number") {
			this.fd = fd;
			process.nextTick(() => this.emit("ready"));
		} else if (typeof fd === "string") openFile(fd, this);
		else throw new Error("SonicBoom supports only file descriptors and files");
		if (this.minLength >= this.maxWrite) throw new Error(`minLength should be smaller than maxWrite (${this.maxWrite})`);
		this.release = (err, n) => {
			if (err) {
				if ((err.code === "EAGAIN" || err.code === "EBUSY") && this.retryEAGAIN(err, this._writingBuf.length, this._len - this._writingBuf.length)) {
					if (this.sync) try {
						sleep(BUSY_WRITE_TIMEOUT);
						this.release(void 0, 0);
					} catch (err) {
						this.release(err);
					}
					else setTimeout(fsWrite, BUSY_WRITE_TIMEOUT);
				} else {
					this._writing = false;
					this.emit("error", err);
				}
				return;
			}
			this.emit("write", n);
			const releasedBufObj = releaseWritingBuf(this._writingBuf, this._len, n);
			this._len = releasedBufObj.len;
			this._writingBuf = releasedBufObj.writingBuf;
			if (this._writingBuf.length) {
				if (!this.sync) {
					fsWrite();
					return;
				}
				try {
					do {
						const n = fsWriteSync();
						const releasedBufObj = releaseWritingBuf(this._writingBuf, this._len, n);
						this._len = releasedBufObj.len;
						this._writingBuf = releasedBufObj.writingBuf;
					} while (this._writingBuf.length);
				} catch (err) {
					this.release(err);
					return;
				}
			}
			if (this._fsync) fs.fsyncSync(this.fd);
			const len = this._len;
			if (this._reopening) {
				this._writing = false;
				this._reopening = false;
				this.reopen();
			} else if (len > this.minLength) this._actualWrite();
			else if (this._ending) {
				if (len > 0) this._actualWrite();
				else {
					this._writing = false;
					actualClose(this);
				}
			} else {
				this._writing = false;
				if (this.sync) {
					if (!this._asyncDrainScheduled) {
						this._asyncDrainScheduled = true;
						process.nextTick(emitDrain, this);
					}
				} else this.emit("drain");
			}
		};
		this.on("newListener", function(name) {
			if (name === "drain") this._asyncDrainScheduled = false;
		});
		if (this._periodicFlush !== 0) {
			this._periodicFlushTimer = setInterval(() => this.flush(null), this._periodicFlush);
			this._periodicFlushTimer.unref();
		}
	}
	/**
	* Release the writingBuf after fs.write n bytes data
	* @param {string | Buffer} writingBuf - currently writing buffer, usually be instance._writingBuf.
	* @param {number} len - currently buffer length, usually be instance._len.
	* @param {number} n - number of bytes fs already written
	* @returns {{writingBuf: string | Buffer, len: number}} released writingBuf and length
	*/
	function releaseWritingBuf(writingBuf, len, n) {
		if (typeof writingBuf === "string") writingBuf = Buffer.from(writingBuf);
		len = Math.max(len - n, 0);
		writingBuf = writingBuf.subarray(n);
		return {
			writingBuf,
			len
		};
	}
	function emitDrain(sonic) {
		if (!(sonic.listenerCount("drain") > 0)) return;
		sonic._asyncDrainScheduled = false;
		sonic.emit("drain");
	}
	inherits(SonicBoom, EventEmitter);
	function mergeBuf(bufs, len) {
		if (bufs.length === 0) return kEmptyBuffer;
		if (bufs.length === 1) return bufs[0];
		return Buffer.concat(bufs, len);
	}
	function write(data) {
		if (this.destroyed) throw new Error("SonicBoom destroyed");
		data = "" + data;
		const dataLen = Buffer.byteLength(data);
		const len = this._len + dataLen;
		const bufs = this._bufs;
		if (this.maxLength && len > this.maxLength) {
			this.emit("drop", data);
			return this._len < this._hwm;
		}
		if (bufs.length === 0 || Buffer.byteLength(bufs[bufs.length - 1]) + dataLen > this.maxWrite) bufs.push(data);
		else bufs[bufs.length - 1] += data;
		this._len = len;
		if (!this._writing && this._len >= this.minLength) this._actualWrite();
		return this._len < this._hwm;
	}
	function writeBuffer(data) {
		if (this.destroyed) throw new Error("SonicBoom destroyed");
		const len = this._len + data.length;
		const bufs = this._bufs;
		const lens = this._lens;
		if (this.maxLength && len > this.maxLength) {
			this.emit("drop", data);
			return this._len < this._hwm;
		}
		if (bufs.length === 0 || lens[lens.length - 1] + data.length > this.maxWrite) {
			bufs.push([data]);
			lens.push(data.length);
		} else {
			bufs[bufs.length - 1].push(data);
			lens[lens.length - 1] += data.length;
		}
		this._len = len;
		if (!this._writing && this._len >= this.minLength) this._actualWrite();
		return this._len < this._hwm;
	}
	function callFlushCallbackOnDrain(cb) {
		this._flushPending = true;
		const onDrain = () => {
			if (!this._fsync) try {
				fs.fsync(this.fd, (err) => {
					this._flushPending = false;
					cb(err);
				});
			} catch (err) {
				cb(err);
			}
			else {
				this._flushPending = false;
				cb();
			}
			this.off("error", onError);
		};
		const onError = (err) => {
			this._flushPending = false;
			cb(err);
			this.off("drain", onDrain);
		};
		this.once("drain", onDrain);
		this.once("error", onError);
	}
	function flush(cb) {
		if (cb != null && typeof cb !== "function") throw new Error("flush cb must be a function");
		if (this.destroyed) {
			const error = /* @__PURE__ */ new Error("SonicBoom destroyed");
			if (cb) {
				cb(error);
				return;
			}
			throw error;
		}
		if (this.minLength <= 0) {
			cb?.();
			return;
		}
		if (cb) callFlushCallbackOnDrain.call(this, cb);
		if (this._writing) return;
		if (this._bufs.length === 0) this._bufs.push("");
		this._actualWrite();
	}
	function flushBuffer(cb) {
		if (cb != null && typeof cb !== "function") throw new Error("flush cb must be a function");
		if (this.destroyed) {
			const error = /* @__PURE__ */ new Error("SonicBoom destroyed");
			if (cb) {
				cb(error);
				return;
			}
			throw error;
		}
		if (this.minLength <= 0) {
			cb?.();
			return;
		}
		if (cb) callFlushCallbackOnDrain.call(this, cb);
		if (this._writing) return;
		if (this._bufs.length === 0) {
			this._bufs.push([]);
			this._lens.push(0);
		}
		this._actualWrite();
	}
	SonicBoom.prototype.reopen = function(file) {
		if (this.destroyed) throw new Error("SonicBoom destroyed");
		if (this._opening) {
			this.once("ready", () => {
				this.reopen(file);
			});
			return;
		}
		if (this._ending) return;
		if (!this.file) throw new Error("Unable to reopen a file descriptor, you must pass a file to SonicBoom");
		if (file) this.file = file;
		this._reopening = true;
		if (this._writing) return;
		const fd = this.fd;
		this.once("ready", () => {
			if (fd !== this.fd) fs.close(fd, (err) => {
				if (err) return this.emit("error", err);
			});
		});
		openFile(this.file, this);
	};
	SonicBoom.prototype.end = function() {
		if (this.destroyed) throw new Error("SonicBoom destroyed");
		if (this._opening) {
			this.once("ready", () => {
				this.end();
			});
			return;
		}
		if (this._ending) return;
		this._ending = true;
		if (this._writing) return;
		if (this._len > 0 && this.fd >= 0) this._actualWrite();
		else actualClose(this);
	};
	function flushSync() {
		if (this.destroyed) throw new Error("SonicBoom destroyed");
		if (this.fd < 0) throw new Error("sonic boom is not ready yet");
		if (!this._writing && this._writingBuf.length > 0) {
			this._bufs.unshift(this._writingBuf);
			this._writingBuf = "";
		}
		let buf = "";
		while (this._bufs.length || buf.length) {
			if (buf.length <= 0) buf = this._bufs[0];
			try {
				const n = Buffer.isBuffer(buf) ? fs.writeSync(this.fd, buf) : fs.writeSync(this.fd, buf, "utf8");
				const releasedBufObj = releaseWritingBuf(buf, this._len, n);
				buf = releasedBufObj.writingBuf;
				this._len = releasedBufObj.len;
				if (buf.length <= 0) this._bufs.shift();
			} catch (err) {
				if ((err.code === "EAGAIN" || err.code === "EBUSY") && !this.retryEAGAIN(err, buf.length, this._len - buf.length)) throw err;
				sleep(BUSY_WRITE_TIMEOUT);
			}
		}
		try {
			fs.fsyncSync(this.fd);
		} catch {}
	}
	function flushBufferSync() {
		if (this.destroyed) throw new Error("SonicBoom destroyed");
		if (this.fd < 0) throw new Error("sonic boom is not ready yet");
		if (!this._writing && this._writingBuf.length > 0) {
			this._bufs.unshift([this._writingBuf]);
			this._writingBuf = kEmptyBuffer;
		}
		let buf = kEmptyBuffer;
		while (this._bufs.length || buf.length) {
			if (buf.length <= 0) buf = mergeBuf(this._bufs[0], this._lens[0]);
			try {
				const n = fs.writeSync(this.fd, buf);
				buf = buf.subarray(n);
				this._len = Math.max(this._len - n, 0);
				if (buf.length <= 0) {
					this._bufs.shift();
					this._lens.shift();
				}
			} catch (err) {
				if ((err.code === "EAGAIN" || err.code === "EBUSY") && !this.retryEAGAIN(err, buf.length, this._len - buf.length)) throw err;
				sleep(BUSY_WRITE_TIMEOUT);
			}
		}
	}
	SonicBoom.prototype.destroy = function() {
		if (this.destroyed) return;
		actualClose(this);
	};
	function actualWrite() {
		const release = this.release;
		this._writing = true;
		this._writingBuf = this._writingBuf.length ? this._writingBuf : this._bufs.shift() || "";
		if (this.sync) try {
			release(null, Buffer.isBuffer(this._writingBuf) ? fs.writeSync(this.fd, this._writingBuf) : fs.writeSync(this.fd, this._writingBuf, "utf8"));
		} catch (err) {
			release(err);
		}
		else fs.write(this.fd, this._writingBuf, release);
	}
	function actualWriteBuffer() {
		const release = this.release;
		this._writing = true;
		this._writingBuf = this._writingBuf.length ? this._writingBuf : mergeBuf(this._bufs.shift(), this._lens.shift());
		if (this.sync) try {
			release(null, fs.writeSync(this.fd, this._writingBuf));
		} catch (err) {
			release(err);
		}
		else {
			if (kCopyBuffer) this._writingBuf = Buffer.from(this._writingBuf);
			fs.write(this.fd, this._writingBuf, release);
		}
	}
	function actualClose(sonic) {
		if (sonic.fd === -1) {
			sonic.once("ready", actualClose.bind(null, sonic));
			return;
		}
		if (sonic._periodicFlushTimer !== void 0) clearInterval(sonic._periodicFlushTimer);
		sonic.destroyed = true;
		sonic._bufs = [];
		sonic._lens = [];
		assert(typeof sonic.fd === "number", `sonic.fd must be a number, got ${typeof sonic.fd}`);
		try {
			fs.fsync(sonic.fd, closeWrapped);
		} catch {}
		function closeWrapped() {
			if (sonic.fd !== 1 && sonic.fd !== 2) fs.close(sonic.fd, done);
			else done();
		}
		function done(err) {
			if (err) {
				sonic.emit("error", err);
				return;
			}
			if (sonic._ending && !sonic._writing) sonic.emit("finish");
			sonic.emit("close");
		}
	}
	/**
	* These export configurations enable JS and TS developers
	* to consumer SonicBoom in whatever way best suits their needs.
	* Some examples of supported import syntax includes:
	* - `const SonicBoom = require('SonicBoom')`
	* - `const { SonicBoom } = require('SonicBoom')`
	* - `import * as SonicBoom from 'SonicBoom'`
	* - `import { SonicBoom } from 'SonicBoom'`
	* - `import SonicBoom from 'SonicBoom'`
	*/
	SonicBoom.SonicBoom = SonicBoom;
	SonicBoom.default = SonicBoom;
	module.exports = SonicBoom;
}));

// node_modules/on-exit-leak-free/index.js
var require_on_exit_leak_free = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const refs = {
		exit: [],
		beforeExit: []
	};
	const functions = {
		exit: onExit,
		beforeExit: onBeforeExit
	};
	let registry;
	function ensureRegistry() {
		if (registry === void 0) registry = new FinalizationRegistry(clear);
	}
	function install(event) {
		if (refs[event].length > 0) return;
		process.on(event, functions[event]);
	}
	function uninstall(event) {
		if (refs[event].length > 0) return;
		process.removeListener(event, functions[event]);
		if (refs.exit.length === 0 && refs.beforeExit.length === 0) registry = void 0;
	}
	function onExit() {
		callRefs("exit");
	}
	function onBeforeExit() {
		callRefs("beforeExit");
	}
	function callRefs(event) {
		for (const ref of refs[event]) {
			const obj = ref.deref();
			const fn = ref.fn;
			/* istanbul ignore else */
			if (obj !== void 0) fn(obj, event);
		}
		refs[event] = [];
	}
	function clear(ref) {
		for (const event of ["exit", "beforeExit"]) {
			const index = refs[event].indexOf(ref);
			refs[event].splice(index, index + 1);
			uninstall(event);
		}
	}
	function _register(event, obj, fn) {
		if (obj === void 0) throw new Error("the object can't be undefined");
		install(event);
		const ref = new WeakRef(obj);
		ref.fn = fn;
		ensureRegistry();
		registry.register(obj, ref);
		refs[event].push(ref);
	}
	function register(obj, fn) {
		_register("exit", obj, fn);
	}
	function registerBeforeExit(obj, fn) {
		_register("beforeExit", obj, fn);
	}
	function unregister(obj) {
		if (registry === void 0) return;
		registry.unregister(obj);
		for (const event of ["exit", "beforeExit"]) {
			refs[event] = refs[event].filter((ref) => {
				const _obj = ref.deref();
				return _obj && _obj !== obj;
			});
			uninstall(event);
		}
	}
	module.exports = {
		register,
		registerBeforeExit,
		unregister
	};
}));

// node_modules/thread-stream/package.json
var require_package = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	module.exports = {
		"name": "thread-stream",
		"version": "4.2.1",
		"description": "A streaming way to send data to a Node.js Worker Thread",
		"main": "index.js",
		"types": "index.d.ts",
		"engines": { "node": ">=20" },
		"dependencies": { "real-require": "^1.0.0" },
		"devDependencies": {
			"@types/node": "^26.1.1",
			"@yao-pkg/pkg": "^6.0.0",
			"borp": "^1.0.0",
			"desm": "^1.3.0",
			"eslint": "^9.39.1",
			"fastbench": "^1.0.1",
			"neostandard": "^0.13.0",
			"pino-elasticsearch": "^9.0.0",
			"sonic-boom": "^5.0.0",
			"ts-node": "^10.8.0",
			"tsd": "^0.33.0",
			"typescript": "~5.7.3"
		},
		"scripts": {
			"build": "tsc --noEmit",
			"lint": "eslint",
			"test": "npm run lint && npm run build && npm run test:types && npm run transpile && borp --expose-gc --pattern \"test/*.test.{js,mjs}\"",
			"test:ci": "npm run lint && npm run test:types && npm run transpile && borp --expose-gc --pattern \"test/*.test.{js,mjs}\"",
			"test:types": "tsd",
			"test:yarn": "npm run transpile && borp --expose-gc --pattern \"test/*.test.js\"",
			"transpile": "sh ./test/ts/transpile.sh"
		},
		"tsd": { "directory": "test/types" },
		"repository": {
			"type": "git",
			"url": "git+https://github.com/mcollina/thread-stream.git"
		},
		"keywords": [
			"worker",
			"thread",
			"threads",
			"stream"
		],
		"author": "Matteo Collina <hello@matteocollina.com>",
		"license": "MIT",
		"bugs": { "url": "https://github.com/mcollina/thread-stream/issues" },
		"homepage": "https://github.com/mcollina/thread-stream#readme"
	};
}));

// node_modules/thread-stream/lib/wait.js
var require_wait = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const WAIT_MS = 1e4;
	function wait(state, index, expected, timeout, done) {
		const max = timeout === Infinity ? Infinity : Date.now() + timeout;
		const check = (previous) => {
			const current = Atomics.load(state, index);
			if (current >= expected) {
				done(null, "ok");
				return;
			}
			if (previous !== void 0 && current !== previous) {
				done(null, "not-equal");
				return;
			}
			if (max !== Infinity && Date.now() > max) {
				done(null, "timed-out");
				return;
			}
			const remaining = max === Infinity ? WAIT_MS : Math.min(WAIT_MS, Math.max(1, max - Date.now()));
			const result = Atomics.waitAsync(state, index, current, remaining);
			if (result.async) result.value.then((res) => {
				if (res === "ok") {
					done(null, Atomics.load(state, index) >= expected ? "ok" : "not-equal");
					return;
				}
				check(current);
			});
			else setImmediate(done, null, "not-equal");
		};
		check();
	}
	function waitDiff(state, index, expected, timeout, done) {
		const max = timeout === Infinity ? Infinity : Date.now() + timeout;
		const check = () => {
			if (Atomics.load(state, index) !== expected) {
				done(null, "ok");
				return;
			}
			if (max !== Infinity && Date.now() > max) {
				done(null, "timed-out");
				return;
			}
			const remaining = max === Infinity ? WAIT_MS : Math.min(WAIT_MS, Math.max(1, max - Date.now()));
			const result = Atomics.waitAsync(state, index, expected, remaining);
			if (result.async) result.value.then((res) => {
				if (res === "ok") {
					done(null, "ok");
					return;
				}
				check();
			});
			else setImmediate(check);
		};
		check();
	}
	module.exports = {
		wait,
		waitDiff
	};
}));

// node_modules/thread-stream/lib/indexes.js
var require_indexes = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const SEQ_INDEX = 2;
	const WRITE_INDEX = 4;
	const READ_INDEX = 8;
	module.exports = {
		WRITE_INDEX,
		READ_INDEX,
		SEQ_INDEX
	};
}));

// node_modules/thread-stream/index.js
var require_thread_stream = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const { version } = require_package();
	const { EventEmitter } = __require("events");
	const { Worker } = __require("worker_threads");
	const { join } = __require("path");
	const { pathToFileURL } = __require("url");
	const { wait } = require_wait();
	const { WRITE_INDEX, READ_INDEX, SEQ_INDEX } = require_indexes();
	const buffer = __require("buffer");
	const assert = __require("assert");
	const kImpl = Symbol("kImpl");
	const MAX_STRING = buffer.constants.MAX_STRING_LENGTH;
	function noop() {}
	function updateState(stream, fn) {
		Atomics.add(stream[kImpl].state, SEQ_INDEX, 1);
		fn();
		Atomics.add(stream[kImpl].state, SEQ_INDEX, 1);
		Atomics.notify(stream[kImpl].state, SEQ_INDEX);
	}
	function resetIndexes(stream) {
		updateState(stream, () => {
			Atomics.store(stream[kImpl].state, READ_INDEX, 0);
			Atomics.store(stream[kImpl].state, WRITE_INDEX, 0);
		});
		Atomics.notify(stream[kImpl].state, READ_INDEX);
	}
	var FakeWeakRef = class {
		constructor(value) {
			this._value = value;
		}
		deref() {
			return this._value;
		}
	};
	var FakeFinalizationRegistry = class {
		register() {}
		unregister() {}
	};
	const FinalizationRegistry = process.env.NODE_V8_COVERAGE ? FakeFinalizationRegistry : global.FinalizationRegistry || FakeFinalizationRegistry;
	const WeakRef = process.env.NODE_V8_COVERAGE ? FakeWeakRef : global.WeakRef || FakeWeakRef;
	const registry = new FinalizationRegistry((worker) => {
		if (worker.exited) return;
		worker.terminate();
	});
	function createWorker(stream, opts) {
		const { filename, workerData } = opts;
		const toExecute = ("__bundlerPathsOverrides" in globalThis ? globalThis.__bundlerPathsOverrides : {})["thread-stream-worker"] || join(__dirname, "lib", "worker.js");
		const worker = new Worker(toExecute, {
			...opts.workerOpts,
			name: opts.workerOpts?.name || "thread-stream",
			trackUnmanagedFds: false,
			workerData: {
				filename: filename.indexOf("file://") === 0 ? filename : pathToFileURL(filename).href,
				dataBuf: stream[kImpl].dataBuf,
				stateBuf: stream[kImpl].stateBuf,
				workerData: {
					$context: { threadStreamVersion: version },
					...workerData
				}
			}
		});
		worker.stream = new FakeWeakRef(stream);
		worker.on("message", onWorkerMessage);
		worker.on("exit", onWorkerExit);
		registry.register(stream, worker);
		return worker;
	}
	function drain(stream) {
		assert(!stream[kImpl].sync);
		if (stream[kImpl].needDrain) {
			stream[kImpl].needDrain = false;
			stream.emit("drain");
		}
	}
	function nextFlush(stream) {
		while (true) {
			const writeIndex = Atomics.load(stream[kImpl].state, WRITE_INDEX);
			if (stream.destroyed || writeIndex < 0) return;
			const leftover = stream[kImpl].data.length - writeIndex;
			if (leftover > 0) {
				if (stream[kImpl].bufLen === 0) {
					stream[kImpl].flushing = false;
					if (stream[kImpl].ending) end(stream);
					else if (stream[kImpl].needDrain) process.nextTick(drain, stream);
					return;
				}
				write(stream, leftover, noop);
				continue;
			}
			if (leftover === 0) {
				if (writeIndex === 0 && stream[kImpl].bufLen === 0) return;
				waitForRead(stream, () => {
					if (stream.destroyed) return;
					resetIndexes(stream);
					nextFlush(stream);
				});
				return;
			}
			destroy(stream, /* @__PURE__ */ new Error("overwritten"));
			return;
		}
	}
	function onWorkerMessage(msg) {
		const stream = this.stream.deref();
		if (stream === void 0) {
			this.exited = true;
			this.terminate();
			return;
		}
		if (msg?.code == null) return;
		switch (msg.code) {
			case "READY":
				if (!stream[kImpl].ending) this.stream = new WeakRef(stream);
				waitForRead(stream, () => {
					stream[kImpl].ready = true;
					stream.emit("ready");
				});
				break;
			case "ERROR":
				destroy(stream, msg.err);
				break;
			case "EVENT":
				if (Array.isArray(msg.args)) stream.emit(msg.name, ...msg.args);
				else stream.emit(msg.name, msg.args);
				break;
			case "FLUSHED": {
				if (msg.context !== "thread-stream") {
					destroy(stream, /* @__PURE__ */ new Error("this should not happen: " + msg.code));
					break;
				}
				const cb = stream[kImpl].flushCallbacks.get(msg.id);
				if (cb) {
					stream[kImpl].flushCallbacks.delete(msg.id);
					process.nextTick(cb);
				}
				break;
			}
			case "WARNING":
				process.emitWarning(msg.err);
				break;
			default: destroy(stream, /* @__PURE__ */ new Error("this should not happen: " + msg.code));
		}
	}
	function onWorkerExit(code) {
		const stream = this.stream.deref();
		if (stream === void 0) return;
		registry.unregister(stream);
		stream.worker.exited = true;
		stream.worker.off("exit", onWorkerExit);
		destroy(stream, code !== 0 ? /* @__PURE__ */ new Error("the worker thread exited") : null);
	}
	var ThreadStream = class extends EventEmitter {
		constructor(opts = {}) {
			super();
			if (opts.bufferSize < 4) throw new Error("bufferSize must at least fit a 4-byte utf-8 char");
			this[kImpl] = {};
			this[kImpl].stateBuf = new SharedArrayBuffer(128);
			this[kImpl].state = new Int32Array(this[kImpl].stateBuf);
			this[kImpl].dataBuf = new SharedArrayBuffer(opts.bufferSize || 4194304);
			this[kImpl].data = Buffer.from(this[kImpl].dataBuf);
			this[kImpl].sync = opts.sync || false;
			this[kImpl].ending = false;
			this[kImpl].ended = false;
			this[kImpl].needDrain = false;
			this[kImpl].destroyed = false;
			this[kImpl].flushing = false;
			this[kImpl].ready = false;
			this[kImpl].finished = false;
			this[kImpl].errored = null;
			this[kImpl].closed = false;
			this[kImpl].buf = [];
			this[kImpl].bufHead = 0;
			this[kImpl].bufLen = 0;
			this[kImpl].flushCallbacks = /* @__PURE__ */ new Map();
			this[kImpl].nextFlushId = 0;
			this[kImpl].flushRetainCount = 0;
			this[kImpl].userRef = true;
			this.worker = createWorker(this, opts);
			this.on("message", (message, transferList) => {
				this.worker.postMessage(message, transferList);
			});
		}
		write(data) {
			const dataBuf = Buffer.isBuffer(data) ? data : Buffer.from(data);
			if (this[kImpl].destroyed) {
				error(this, /* @__PURE__ */ new Error("the worker has exited"));
				return false;
			}
			if (this[kImpl].ending) {
				error(this, /* @__PURE__ */ new Error("the worker is ending"));
				return false;
			}
			if (this[kImpl].flushing && this[kImpl].bufLen + dataBuf.length >= MAX_STRING) try {
				writeSync(this);
				this[kImpl].flushing = true;
			} catch (err) {
				destroy(this, err);
				return false;
			}
			this[kImpl].buf.push(dataBuf);
			this[kImpl].bufLen += dataBuf.length;
			if (this[kImpl].sync) try {
				writeSync(this);
				return true;
			} catch (err) {
				destroy(this, err);
				return false;
			}
			if (!this[kImpl].flushing) {
				this[kImpl].flushing = true;
				setImmediate(nextFlush, this);
			}
			this[kImpl].needDrain = this[kImpl].data.length - this[kImpl].bufLen - Atomics.load(this[kImpl].state, WRITE_INDEX) <= 0;
			return !this[kImpl].needDrain;
		}
		end() {
			if (this[kImpl].destroyed) return;
			this[kImpl].ending = true;
			this.worker.stream = new FakeWeakRef(this);
			end(this);
		}
		flush(cb) {
			const userCb = typeof cb === "function" ? cb : null;
			cb = userCb || noop;
			if (userCb) retainWorkerForPendingFlush(this);
			let finished = false;
			const done = (err) => {
				if (finished) return;
				finished = true;
				if (userCb) releaseWorkerForPendingFlush(this);
				cb(err);
			};
			flushBuffer(this, (err) => {
				if (err) {
					process.nextTick(done, err);
					return;
				}
				requestWorkerFlush(this, done);
			});
		}
		flushSync() {
			if (this[kImpl].destroyed) return;
			writeSync(this);
			flushSync(this);
		}
		unref() {
			this[kImpl].userRef = false;
			if (this[kImpl].flushRetainCount === 0) this.worker.unref();
		}
		ref() {
			this[kImpl].userRef = true;
			this.worker.ref();
		}
		get ready() {
			return this[kImpl].ready;
		}
		get destroyed() {
			return this[kImpl].destroyed;
		}
		get closed() {
			return this[kImpl].closed;
		}
		get writable() {
			return !this[kImpl].destroyed && !this[kImpl].ending;
		}
		get writableEnded() {
			return this[kImpl].ending;
		}
		get writableFinished() {
			return this[kImpl].finished;
		}
		get writableNeedDrain() {
			return this[kImpl].needDrain;
		}
		get writableObjectMode() {
			return false;
		}
		get writableErrored() {
			return this[kImpl].errored;
		}
	};
	function flushBuffer(stream, cb) {
		if (stream[kImpl].destroyed) {
			process.nextTick(cb, /* @__PURE__ */ new Error("the worker has exited"));
			return;
		}
		if (!stream[kImpl].sync && (stream[kImpl].flushing || stream[kImpl].bufLen > 0)) {
			setImmediate(flushBuffer, stream, cb);
			return;
		}
		waitForRead(stream, cb);
	}
	function waitForRead(stream, cb) {
		const writeIndex = Atomics.load(stream[kImpl].state, WRITE_INDEX);
		wait(stream[kImpl].state, READ_INDEX, writeIndex, Infinity, (err, res) => {
			if (err) {
				destroy(stream, err);
				cb(err);
				return;
			}
			if (res !== "ok") {
				waitForRead(stream, cb);
				return;
			}
			cb();
		});
	}
	function retainWorkerForPendingFlush(stream) {
		if (stream[kImpl].flushRetainCount === 0) stream.worker.ref();
		stream[kImpl].flushRetainCount++;
	}
	function releaseWorkerForPendingFlush(stream) {
		if (stream[kImpl].flushRetainCount === 0) return;
		stream[kImpl].flushRetainCount--;
		if (stream[kImpl].flushRetainCount === 0 && !stream[kImpl].userRef) stream.worker.unref();
	}
	function requestWorkerFlush(stream, cb) {
		if (stream[kImpl].destroyed) {
			process.nextTick(cb, /* @__PURE__ */ new Error("the worker has exited"));
			return;
		}
		if (!stream[kImpl].ready) {
			const onReady = () => {
				cleanup();
				requestWorkerFlush(stream, cb);
			};
			const onClose = () => {
				cleanup();
				process.nextTick(cb, /* @__PURE__ */ new Error("the worker has exited"));
			};
			const cleanup = () => {
				stream.off("ready", onReady);
				stream.off("close", onClose);
			};
			stream.once("ready", onReady);
			stream.once("close", onClose);
			return;
		}
		const id = ++stream[kImpl].nextFlushId;
		stream[kImpl].flushCallbacks.set(id, cb);
		try {
			stream.worker.postMessage({
				code: "FLUSH",
				context: "thread-stream",
				id
			});
		} catch (err) {
			stream[kImpl].flushCallbacks.delete(id);
			destroy(stream, err);
			process.nextTick(cb, err);
		}
	}
	function failPendingFlushCallbacks(stream, err) {
		const callbacks = stream[kImpl].flushCallbacks;
		if (callbacks.size === 0) return;
		const flushErr = err || /* @__PURE__ */ new Error("the worker has exited");
		for (const cb of callbacks.values()) process.nextTick(cb, flushErr);
		callbacks.clear();
	}
	function error(stream, err) {
		setImmediate(() => {
			stream.emit("error", err);
		});
	}
	function destroy(stream, err) {
		if (stream[kImpl].destroyed) return;
		stream[kImpl].destroyed = true;
		failPendingFlushCallbacks(stream, err);
		if (err) {
			stream[kImpl].errored = err;
			error(stream, err);
		}
		if (!stream.worker.exited) stream.worker.terminate().catch(() => {}).then(() => {
			stream[kImpl].closed = true;
			stream.emit("close");
		});
		else setImmediate(() => {
			stream[kImpl].closed = true;
			stream.emit("close");
		});
	}
	function write(stream, maxBytes, cb) {
		let offset = Atomics.load(stream[kImpl].state, WRITE_INDEX);
		let remaining = maxBytes;
		while (remaining > 0 && stream[kImpl].bufLen !== 0) {
			const head = stream[kImpl].bufHead;
			const buf = stream[kImpl].buf[head];
			if (buf.length <= remaining) {
				buf.copy(stream[kImpl].data, offset);
				offset += buf.length;
				remaining -= buf.length;
				stream[kImpl].bufLen -= buf.length;
				stream[kImpl].bufHead = head + 1;
				if (stream[kImpl].bufHead === stream[kImpl].buf.length) {
					stream[kImpl].buf.length = 0;
					stream[kImpl].bufHead = 0;
				} else if (stream[kImpl].bufHead >= 1024 && stream[kImpl].bufHead * 2 >= stream[kImpl].buf.length) {
					stream[kImpl].buf.splice(0, stream[kImpl].bufHead);
					stream[kImpl].bufHead = 0;
				}
				continue;
			}
			buf.copy(stream[kImpl].data, offset, 0, remaining);
			stream[kImpl].buf[head] = buf.subarray(remaining);
			stream[kImpl].bufLen -= remaining;
			offset += remaining;
			remaining = 0;
		}
		updateState(stream, () => {
			Atomics.store(stream[kImpl].state, WRITE_INDEX, offset);
		});
		cb();
		return true;
	}
	function end(stream) {
		if (stream[kImpl].ended || !stream[kImpl].ending || stream[kImpl].flushing) return;
		stream[kImpl].ended = true;
		try {
			stream.flushSync();
			let readIndex = Atomics.load(stream[kImpl].state, READ_INDEX);
			updateState(stream, () => {
				Atomics.store(stream[kImpl].state, WRITE_INDEX, -1);
			});
			let spins = 0;
			while (readIndex !== -1) {
				Atomics.wait(stream[kImpl].state, READ_INDEX, readIndex, 1e3);
				readIndex = Atomics.load(stream[kImpl].state, READ_INDEX);
				if (readIndex === -2) {
					destroy(stream, /* @__PURE__ */ new Error("end() failed"));
					return;
				}
				if (++spins === 10) {
					destroy(stream, /* @__PURE__ */ new Error("end() took too long (10s)"));
					return;
				}
			}
			process.nextTick(() => {
				stream[kImpl].finished = true;
				stream.emit("finish");
			});
		} catch (err) {
			destroy(stream, err);
		}
	}
	function writeSync(stream) {
		const cb = () => {
			if (stream[kImpl].ending) end(stream);
			else if (stream[kImpl].needDrain) process.nextTick(drain, stream);
		};
		stream[kImpl].flushing = false;
		while (stream[kImpl].bufLen !== 0) {
			const writeIndex = Atomics.load(stream[kImpl].state, WRITE_INDEX);
			if (writeIndex < 0) throw new Error("_writeSync failed");
			const leftover = stream[kImpl].data.length - writeIndex;
			if (leftover === 0) {
				flushSync(stream);
				resetIndexes(stream);
				continue;
			} else if (leftover < 0) throw new Error("overwritten");
			write(stream, leftover, cb);
		}
	}
	function flushSync(stream) {
		if (stream[kImpl].flushing) throw new Error("unable to flush while flushing");
		const writeIndex = Atomics.load(stream[kImpl].state, WRITE_INDEX);
		let spins = 0;
		while (true) {
			const readIndex = Atomics.load(stream[kImpl].state, READ_INDEX);
			if (readIndex === -2) throw Error("_flushSync failed");
			if (readIndex !== writeIndex) Atomics.wait(stream[kImpl].state, READ_INDEX, readIndex, 1e3);
			else break;
			if (++spins === 10) throw new Error("_flushSync took too long (10s)");
		}
	}
	module.exports = ThreadStream;
}));

// node_modules/pino/lib/transport.js
var require_transport = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const { createRequire } = __require("module");
	const { existsSync } = __require("node:fs");
	const getCallers = require_caller();
	const { join, isAbsolute, sep } = __require("node:path");
	const { fileURLToPath } = __require("node:url");
	const sleep = require_atomic_sleep();
	const onExit = require_on_exit_leak_free();
	const ThreadStream = require_thread_stream();
	const { transportUsesMultistreamSym } = require_symbols();
	function setupOnExit(stream) {
		onExit.register(stream, autoEnd);
		onExit.registerBeforeExit(stream, flush);
		stream.on("close", function() {
			onExit.unregister(stream);
		});
	}
	function hasPreloadFlags() {
		const execArgv = process.execArgv;
		for (let i = 0; i < execArgv.length; i++) {
			const arg = execArgv[i];
			if (arg === "--import" || arg === "--require" || arg === "-r") return true;
			if (arg.startsWith("--import=") || arg.startsWith("--require=") || arg.startsWith("-r=")) return true;
		}
		return false;
	}
	function sanitizeNodeOptions(nodeOptions) {
		const tokens = nodeOptions.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g);
		if (!tokens) return nodeOptions;
		const sanitized = [];
		let changed = false;
		for (let i = 0; i < tokens.length; i++) {
			const token = tokens[i];
			if (token === "--require" || token === "-r" || token === "--import") {
				const next = tokens[i + 1];
				if (next && shouldDropPreload(next)) {
					changed = true;
					i++;
					continue;
				}
				sanitized.push(token);
				if (next) {
					sanitized.push(next);
					i++;
				}
				continue;
			}
			if (token.startsWith("--require=") || token.startsWith("-r=") || token.startsWith("--import=")) {
				if (shouldDropPreload(token.slice(token.indexOf("=") + 1))) {
					changed = true;
					continue;
				}
			}
			sanitized.push(token);
		}
		return changed ? sanitized.join(" ") : nodeOptions;
	}
	function shouldDropPreload(value) {
		const unquoted = stripQuotes(value);
		if (!unquoted) return false;
		let path = unquoted;
		if (path.startsWith("file://")) try {
			path = fileURLToPath(path);
		} catch {
			return false;
		}
		return isAbsolute(path) && !existsSync(path);
	}
	function stripQuotes(value) {
		const first = value[0];
		const last = value[value.length - 1];
		if (first === "\"" && last === "\"" || first === "'" && last === "'") return value.slice(1, -1);
		return value;
	}
	function buildStream(filename, workerData, workerOpts, sync, name) {
		if (!workerOpts.execArgv && hasPreloadFlags() && __require.main === void 0) workerOpts = {
			...workerOpts,
			execArgv: []
		};
		if (!workerOpts.env && process.env.NODE_OPTIONS) {
			const nodeOptions = sanitizeNodeOptions(process.env.NODE_OPTIONS);
			if (nodeOptions !== process.env.NODE_OPTIONS) workerOpts = {
				...workerOpts,
				env: {
					...process.env,
					NODE_OPTIONS: nodeOptions
				}
			};
		}
		workerOpts = {
			...workerOpts,
			name
		};
		const stream = new ThreadStream({
			filename,
			workerData,
			workerOpts,
			sync
		});
		stream.on("ready", onReady);
		stream.on("close", function() {
			process.removeListener("exit", onExit);
		});
		process.on("exit", onExit);
		function onReady() {
			process.removeListener("exit", onExit);
			stream.unref();
			if (workerOpts.autoEnd !== false) setupOnExit(stream);
		}
		function onExit() {
			/* istanbul ignore next */
			if (stream.closed) return;
			stream.flushSync();
			sleep(100);
			stream.end();
		}
		return stream;
	}
	function autoEnd(stream) {
		stream.ref();
		stream.flushSync();
		stream.end();
		stream.once("close", function() {
			stream.unref();
		});
	}
	function flush(stream) {
		stream.flushSync();
	}
	function transport(fullOptions) {
		const { pipeline, targets, levels, dedupe, worker = {}, caller = getCallers(), sync = false } = fullOptions;
		const options = { ...fullOptions.options };
		let usesMultistream = false;
		const callers = typeof caller === "string" ? [caller] : caller;
		const bundlerOverrides = typeof globalThis === "object" && Object.prototype.hasOwnProperty.call(globalThis, "__bundlerPathsOverrides") && globalThis.__bundlerPathsOverrides && typeof globalThis.__bundlerPathsOverrides === "object" ? globalThis.__bundlerPathsOverrides : Object.create(null);
		let target = fullOptions.target;
		if (target && targets) throw new Error("only one of target or targets can be specified");
		if (targets) {
			target = bundlerOverrides["pino-worker"] || join(__dirname, "worker.js");
			options.targets = targets.filter((dest) => dest.target).map((dest) => {
				return {
					...dest,
					target: fixTarget(dest.target)
				};
			});
			options.pipelines = targets.filter((dest) => dest.pipeline).map((dest) => {
				return dest.pipeline.map((t) => {
					return {
						...t,
						level: dest.level,
						target: fixTarget(t.target)
					};
				});
			});
			const targetsHaveLevel = options.targets.some((t) => t.level != null);
			const pipelinesHaveLevel = options.pipelines.some((p) => p.some((t) => t.level != null));
			usesMultistream = options.targets.length + options.pipelines.length > 1 || targetsHaveLevel || pipelinesHaveLevel;
		} else if (pipeline) {
			target = bundlerOverrides["pino-worker"] || join(__dirname, "worker.js");
			options.pipelines = [pipeline.map((dest) => {
				return {
					...dest,
					target: fixTarget(dest.target)
				};
			})];
		}
		if (levels) options.levels = levels;
		if (dedupe) options.dedupe = dedupe;
		options.pinoWillSendConfig = true;
		const name = targets || pipeline ? "pino.transport" : target;
		const stream = buildStream(fixTarget(target), options, worker, sync, name);
		if (usesMultistream) stream[transportUsesMultistreamSym] = true;
		return stream;
		function fixTarget(origin) {
			origin = bundlerOverrides[origin] || origin;
			if (isAbsolute(origin) || origin.indexOf("file://") === 0) return origin;
			if (origin === "pino/file") return join(__dirname, "..", "file.js");
			let fixTarget;
			for (const filePath of callers) try {
				const context = filePath === "node:repl" ? process.cwd() + sep : filePath;
				fixTarget = createRequire(context).resolve(origin);
				break;
			} catch (err) {
				continue;
			}
			if (!fixTarget) throw new Error(`unable to determine transport target for "${origin}"`);
			return fixTarget;
		}
	}
	module.exports = transport;
}));

// node_modules/pino/lib/tools.js
var require_tools = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const diagChan = __require("node:diagnostics_channel");
	const format = require_quick_format_unescaped();
	const { mapHttpRequest, mapHttpResponse } = require_pino_std_serializers();
	const SonicBoom = require_sonic_boom();
	const onExit = require_on_exit_leak_free();
	const { lsCacheSym, chindingsSym, writeSym, serializersSym, formatOptsSym, endSym, stringifiersSym, stringifySym, stringifySafeSym, wildcardFirstSym, nestedKeySym, formattersSym, messageKeySym, errorKeySym, nestedKeyStrSym, msgPrefixSym } = require_symbols();
	const { isMainThread } = __require("worker_threads");
	const transport = require_transport();
	const [nodeMajor] = process.versions.node.split(".").map((v) => Number(v));
	const asJsonChan = diagChan.tracingChannel("pino_asJson");
	const asString = nodeMajor >= 25 ? (str) => JSON.stringify(str) : _asString;
	function noop() {}
	function genLog(level, hook) {
		if (!hook) return LOG;
		return function hookWrappedLog(...args) {
			hook.call(this, args, LOG, level);
		};
		function LOG(o, ...n) {
			if (typeof o === "object") {
				let msg = o;
				if (o !== null) {
					if (o.method && o.headers && o.socket) o = mapHttpRequest(o);
					else if (typeof o.setHeader === "function") o = mapHttpResponse(o);
				}
				let formatParams;
				if (msg === null && n.length === 0) formatParams = [null];
				else {
					msg = n.shift();
					formatParams = n;
				}
				if (typeof this[msgPrefixSym] === "string" && msg !== void 0 && msg !== null) msg = this[msgPrefixSym] + msg;
				this[writeSym](o, format(msg, formatParams, this[formatOptsSym]), level);
			} else {
				let msg = o === void 0 ? n.shift() : o;
				if (typeof this[msgPrefixSym] === "string" && msg !== void 0 && msg !== null) msg = this[msgPrefixSym] + msg;
				this[writeSym](null, format(msg, n, this[formatOptsSym]), level);
			}
		}
	}
	function _asString(str) {
		let result = "";
		let last = 0;
		let found = false;
		let point = 255;
		const l = str.length;
		if (l > 100) return JSON.stringify(str);
		for (var i = 0; i < l && point >= 32; i++) {
			point = str.charCodeAt(i);
			if (point === 34 || point === 92) {
				result += str.slice(last, i) + "\\";
				last = i;
				found = true;
			}
		}
		if (!found) result = str;
		else result += str.slice(last);
		return point < 32 ? JSON.stringify(str) : "\"" + result + "\"";
	}
	/**
	* `asJson` wraps `_asJson` in order to facilitate generating diagnostics.
	*
	* @param {object} obj The merging object passed to the log method.
	* @param {string} msg The log message passed to the log method.
	* @param {number} num The log level number.
	* @param {number} time The log time in milliseconds.
	*
	* @returns {string}
	*/
	function asJson(obj, msg, num, time) {
		if (asJsonChan.hasSubscribers === false) return _asJson.call(this, obj, msg, num, time);
		const store = {
			instance: this,
			arguments
		};
		return asJsonChan.traceSync(_asJson, store, this, obj, msg, num, time);
	}
	/**
	* `_asJson` parses all collected data and generates the finalized newline
	* delimited JSON string.
	*
	* @param {object} obj The merging object passed to the log method.
	* @param {string} msg The log message passed to the log method.
	* @param {number} num The log level number.
	* @param {number} time The log time in milliseconds.
	*
	* @returns {string} The finalized log string terminated with a newline.
	* @private
	*/
	function _asJson(obj, msg, num, time) {
		const stringify = this[stringifySym];
		const stringifySafe = this[stringifySafeSym];
		const stringifiers = this[stringifiersSym];
		const end = this[endSym];
		const chindings = this[chindingsSym];
		const serializers = this[serializersSym];
		const formatters = this[formattersSym];
		const messageKey = this[messageKeySym];
		const errorKey = this[errorKeySym];
		let data = this[lsCacheSym][num] + time;
		data = data + chindings;
		let value;
		if (formatters.log) obj = formatters.log(obj);
		const wildcardStringifier = stringifiers[wildcardFirstSym];
		let propStr = "";
		for (const key in obj) {
			value = obj[key];
			if (Object.prototype.hasOwnProperty.call(obj, key) && value !== void 0) {
				if (serializers[key]) value = serializers[key](value);
				else if (key === errorKey && serializers.err) value = serializers.err(value);
				const stringifier = stringifiers[key] || wildcardStringifier;
				switch (typeof value) {
					case "undefined":
					case "function": continue;
					case "number": if (Number.isFinite(value) === false) value = null;
					case "boolean":
						if (stringifier) value = stringifier(value);
						break;
					case "string":
						value = (stringifier || asString)(value);
						break;
					default: value = (stringifier || stringify)(value, stringifySafe);
				}
				if (value === void 0) continue;
				const strKey = asString(key);
				propStr += "," + strKey + ":" + value;
			}
		}
		let msgStr = "";
		if (msg !== void 0) {
			value = serializers[messageKey] ? serializers[messageKey](msg) : msg;
			const stringifier = stringifiers[messageKey] || wildcardStringifier;
			switch (typeof value) {
				case "function": break;
				case "number": if (Number.isFinite(value) === false) value = null;
				case "boolean":
					if (stringifier) value = stringifier(value);
					msgStr = ",\"" + messageKey + "\":" + value;
					break;
				case "string":
					value = (stringifier || asString)(value);
					msgStr = ",\"" + messageKey + "\":" + value;
					break;
				default:
					value = (stringifier || stringify)(value, stringifySafe);
					msgStr = ",\"" + messageKey + "\":" + value;
			}
		}
		if (this[nestedKeySym] && propStr) return data + this[nestedKeyStrSym] + propStr.slice(1) + "}" + msgStr + end;
		else return data + propStr + msgStr + end;
	}
	function asChindings(instance, bindings) {
		let value;
		let data = instance[chindingsSym];
		const stringify = instance[stringifySym];
		const stringifySafe = instance[stringifySafeSym];
		const stringifiers = instance[stringifiersSym];
		const wildcardStringifier = stringifiers[wildcardFirstSym];
		const serializers = instance[serializersSym];
		const formatter = instance[formattersSym].bindings;
		bindings = formatter(bindings);
		for (const key in bindings) {
			value = bindings[key];
			if (((key.length < 5 || key !== "level" && key !== "serializers" && key !== "formatters" && key !== "customLevels") && bindings.hasOwnProperty(key) && value !== void 0) === true) {
				value = serializers[key] ? serializers[key](value) : value;
				value = (stringifiers[key] || wildcardStringifier || stringify)(value, stringifySafe);
				if (value === void 0) continue;
				data += "," + asString(key) + ":" + value;
			}
		}
		return data;
	}
	function hasBeenTampered(stream) {
		return stream.write !== stream.constructor.prototype.write;
	}
	function buildSafeSonicBoom(opts) {
		const stream = new SonicBoom(opts);
		stream.on("error", filterBrokenPipe);
		if (!opts.sync && isMainThread) {
			onExit.register(stream, autoEnd);
			stream.on("close", function() {
				onExit.unregister(stream);
			});
		}
		return stream;
		function filterBrokenPipe(err) {
			/* istanbul ignore next */
			if (err.code === "EPIPE") {
				stream.write = noop;
				stream.end = noop;
				stream.flushSync = noop;
				stream.destroy = noop;
				return;
			}
			stream.removeListener("error", filterBrokenPipe);
			stream.emit("error", err);
		}
	}
	function autoEnd(stream, eventName) {
		/* istanbul ignore next */
		if (stream.destroyed) return;
		if (eventName === "beforeExit") {
			stream.flush();
			stream.on("drain", function() {
				stream.end();
			});
		} else
 /* istanbul ignore next */
		stream.flushSync();
	}
	function createArgsNormalizer(defaultOptions) {
		return function normalizeArgs(instance, caller, opts = {}, stream) {
			if (typeof opts === "string") {
				stream = buildSafeSonicBoom({ dest: opts });
				opts = {};
			} else if (typeof stream === "string") {
				if (opts && opts.transport) throw Error("only one of option.transport or stream can be specified");
				stream = buildSafeSonicBoom({ dest: stream });
			} else if (opts instanceof SonicBoom || opts.writable || opts._writableState) {
				stream = opts;
				opts = {};
			} else if (opts.transport) {
				if (opts.transport instanceof SonicBoom || opts.transport.writable || opts.transport._writableState) throw Error("option.transport do not allow stream, please pass to option directly. e.g. pino(transport)");
				if (opts.transport.targets && opts.transport.targets.length && opts.formatters && typeof opts.formatters.level === "function") throw Error("option.transport.targets do not allow custom level formatters");
				let customLevels;
				if (opts.customLevels) customLevels = opts.useOnlyCustomLevels ? opts.customLevels : Object.assign({}, opts.levels, opts.customLevels);
				stream = transport({
					caller,
					...opts.transport,
					levels: customLevels
				});
			}
			opts = Object.assign({}, defaultOptions, opts);
			opts.serializers = Object.assign(Object.create(null), defaultOptions.serializers, opts.serializers);
			opts.formatters = Object.assign({}, defaultOptions.formatters, opts.formatters);
			if (opts.prettyPrint) throw new Error("prettyPrint option is no longer supported, see the pino-pretty package (https://github.com/pinojs/pino-pretty)");
			const { enabled, onChild } = opts;
			if (enabled === false) opts.level = "silent";
			if (!onChild) opts.onChild = noop;
			if (!stream) {
				if (!hasBeenTampered(process.stdout)) stream = buildSafeSonicBoom({ fd: process.stdout.fd || 1 });
				else stream = process.stdout;
			}
			return {
				opts,
				stream
			};
		};
	}
	function stringify(obj, stringifySafeFn) {
		try {
			return JSON.stringify(obj);
		} catch (_) {
			try {
				return (stringifySafeFn || this[stringifySafeSym])(obj);
			} catch (_) {
				return "\"[unable to serialize, circular reference is too complex to analyze]\"";
			}
		}
	}
	function buildFormatters(level, bindings, log) {
		return {
			level,
			bindings,
			log
		};
	}
	/**
	* Convert a string integer file descriptor to a proper native integer
	* file descriptor.
	*
	* @param {string} destination The file descriptor string to attempt to convert.
	*
	* @returns {Number}
	*/
	function normalizeDestFileDescriptor(destination) {
		const fd = Number(destination);
		if (typeof destination === "string" && Number.isFinite(fd)) return fd;
		if (destination === void 0) return 1;
		return destination;
	}
	module.exports = {
		noop,
		buildSafeSonicBoom,
		asChindings,
		asJson,
		genLog,
		createArgsNormalizer,
		stringify,
		buildFormatters,
		normalizeDestFileDescriptor
	};
}));

// node_modules/pino/lib/constants.js
var require_constants = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	/**
	* Represents default log level values
	*
	* @enum {number}
	*/
	const DEFAULT_LEVELS = {
		trace: 10,
		debug: 20,
		info: 30,
		warn: 40,
		error: 50,
		fatal: 60
	};
	/**
	* Represents sort order direction: `ascending` or `descending`
	*
	* @enum {string}
	*/
	const SORTING_ORDER = {
		ASC: "ASC",
		DESC: "DESC"
	};
	module.exports = {
		DEFAULT_LEVELS,
		SORTING_ORDER
	};
}));

// node_modules/pino/lib/levels.js
var require_levels = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const { lsCacheSym, levelValSym, useOnlyCustomLevelsSym, streamSym, formattersSym, hooksSym, levelCompSym } = require_symbols();
	const { noop, genLog } = require_tools();
	const { DEFAULT_LEVELS, SORTING_ORDER } = require_constants();
	const levelMethods = {
		fatal: (hook) => {
			const logFatal = genLog(DEFAULT_LEVELS.fatal, hook);
			return function(...args) {
				const stream = this[streamSym];
				logFatal.call(this, ...args);
				if (typeof stream.flushSync === "function") try {
					stream.flushSync();
				} catch (e) {}
			};
		},
		error: (hook) => genLog(DEFAULT_LEVELS.error, hook),
		warn: (hook) => genLog(DEFAULT_LEVELS.warn, hook),
		info: (hook) => genLog(DEFAULT_LEVELS.info, hook),
		debug: (hook) => genLog(DEFAULT_LEVELS.debug, hook),
		trace: (hook) => genLog(DEFAULT_LEVELS.trace, hook)
	};
	const nums = Object.keys(DEFAULT_LEVELS).reduce((o, k) => {
		o[DEFAULT_LEVELS[k]] = k;
		return o;
	}, {});
	const initialLsCache = Object.keys(nums).reduce((o, k) => {
		o[k] = "{\"level\":" + Number(k);
		return o;
	}, {});
	function genLsCache(instance) {
		const formatter = instance[formattersSym].level;
		const { labels } = instance.levels;
		const cache = {};
		for (const label in labels) {
			const level = formatter(labels[label], Number(label));
			cache[label] = JSON.stringify(level).slice(0, -1);
		}
		instance[lsCacheSym] = cache;
		return instance;
	}
	function isStandardLevel(level, useOnlyCustomLevels) {
		if (useOnlyCustomLevels) return false;
		switch (level) {
			case "fatal":
			case "error":
			case "warn":
			case "info":
			case "debug":
			case "trace": return true;
			default: return false;
		}
	}
	function setLevel(level) {
		const { labels, values } = this.levels;
		if (typeof level === "number") {
			if (labels[level] === void 0) throw Error("unknown level value" + level);
			level = labels[level];
		}
		if (values[level] === void 0) throw Error("unknown level " + level);
		const preLevelVal = this[levelValSym];
		const levelVal = this[levelValSym] = values[level];
		const useOnlyCustomLevelsVal = this[useOnlyCustomLevelsSym];
		const levelComparison = this[levelCompSym];
		const hook = this[hooksSym].logMethod;
		for (const key in values) {
			if (levelComparison(values[key], levelVal) === false) {
				this[key] = noop;
				continue;
			}
			this[key] = isStandardLevel(key, useOnlyCustomLevelsVal) ? levelMethods[key](hook) : genLog(values[key], hook);
		}
		this.emit("level-change", level, levelVal, labels[preLevelVal], preLevelVal, this);
	}
	function getLevel(level) {
		const { levels, levelVal } = this;
		return levels && levels.labels ? levels.labels[levelVal] : "";
	}
	function isLevelEnabled(logLevel) {
		const { values } = this.levels;
		const logLevelVal = values[logLevel];
		return logLevelVal !== void 0 && this[levelCompSym](logLevelVal, this[levelValSym]);
	}
	/**
	* Determine if the given `current` level is enabled by comparing it
	* against the current threshold (`expected`).
	*
	* @param {SORTING_ORDER} direction comparison direction "ASC" or "DESC"
	* @param {number} current current log level number representation
	* @param {number} expected threshold value to compare with
	* @returns {boolean}
	*/
	function compareLevel(direction, current, expected) {
		if (direction === SORTING_ORDER.DESC) return current <= expected;
		return current >= expected;
	}
	/**
	* Create a level comparison function based on `levelComparison`
	* it could a default function which compares levels either in "ascending" or "descending" order or custom comparison function
	*
	* @param {SORTING_ORDER | Function} levelComparison sort levels order direction or custom comparison function
	* @returns Function
	*/
	function genLevelComparison(levelComparison) {
		if (typeof levelComparison === "string") return compareLevel.bind(null, levelComparison);
		return levelComparison;
	}
	function mappings(customLevels = null, useOnlyCustomLevels = false) {
		const customNums = customLevels ? Object.keys(customLevels).reduce((o, k) => {
			o[customLevels[k]] = k;
			return o;
		}, {}) : null;
		return {
			labels: Object.assign(Object.create(Object.prototype, { Infinity: { value: "silent" } }), useOnlyCustomLevels ? null : nums, customNums),
			values: Object.assign(Object.create(Object.prototype, { silent: { value: Infinity } }), useOnlyCustomLevels ? null : DEFAULT_LEVELS, customLevels)
		};
	}
	function assertDefaultLevelFound(defaultLevel, customLevels, useOnlyCustomLevels) {
		if (typeof defaultLevel === "number") {
			if (![].concat(Object.keys(customLevels || {}).map((key) => customLevels[key]), useOnlyCustomLevels ? [] : Object.keys(nums).map((level) => +level), Infinity).includes(defaultLevel)) throw Error(`default level:${defaultLevel} must be included in custom levels`);
			return;
		}
		if (!(defaultLevel in Object.assign(Object.create(Object.prototype, { silent: { value: Infinity } }), useOnlyCustomLevels ? null : DEFAULT_LEVELS, customLevels))) throw Error(`default level:${defaultLevel} must be included in custom levels`);
	}
	function assertNoLevelCollisions(levels, customLevels) {
		const { labels, values } = levels;
		for (const k in customLevels) {
			if (k in values) throw Error("levels cannot be overridden");
			if (customLevels[k] in labels) throw Error("pre-existing level values cannot be used for new levels");
		}
	}
	/**
	* Validates whether `levelComparison` is correct
	*
	* @throws Error
	* @param {SORTING_ORDER | Function} levelComparison - value to validate
	* @returns
	*/
	function assertLevelComparison(levelComparison) {
		if (typeof levelComparison === "function") return;
		if (typeof levelComparison === "string" && Object.values(SORTING_ORDER).includes(levelComparison)) return;
		throw new Error("Levels comparison should be one of \"ASC\", \"DESC\" or \"function\" type");
	}
	module.exports = {
		initialLsCache,
		genLsCache,
		levelMethods,
		getLevel,
		setLevel,
		isLevelEnabled,
		mappings,
		assertNoLevelCollisions,
		assertDefaultLevelFound,
		genLevelComparison,
		assertLevelComparison
	};
}));

// node_modules/pino/lib/meta.js
var require_meta = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	module.exports = { version: "10.4.0" };
}));

// node_modules/pino/lib/proto.js
var require_proto = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const { EventEmitter } = __require("node:events");
	const { lsCacheSym, levelValSym, setLevelSym, getLevelSym, chindingsSym, mixinSym, asJsonSym, writeSym, mixinMergeStrategySym, timeSym, timeSliceIndexSym, streamSym, serializersSym, formattersSym, errorKeySym, messageKeySym, useOnlyCustomLevelsSym, needsMetadataGsym, redactFmtSym, stringifySym, formatOptsSym, stringifiersSym, msgPrefixSym, hooksSym } = require_symbols();
	const { getLevel, setLevel, isLevelEnabled, mappings, initialLsCache, genLsCache, assertNoLevelCollisions } = require_levels();
	const { asChindings, asJson, buildFormatters, stringify, noop } = require_tools();
	const { version } = require_meta();
	const redaction = require_redaction();
	const prototype = {
		constructor: class Pino {},
		child,
		bindings,
		setBindings,
		flush,
		isLevelEnabled,
		version,
		get level() {
			return this[getLevelSym]();
		},
		set level(lvl) {
			this[setLevelSym](lvl);
		},
		get levelVal() {
			return this[levelValSym];
		},
		set levelVal(n) {
			throw Error("levelVal is read-only");
		},
		get msgPrefix() {
			return this[msgPrefixSym];
		},
		get [Symbol.toStringTag]() {
			return "Pino";
		},
		[lsCacheSym]: initialLsCache,
		[writeSym]: write,
		[asJsonSym]: asJson,
		[getLevelSym]: getLevel,
		[setLevelSym]: setLevel
	};
	Object.setPrototypeOf(prototype, EventEmitter.prototype);
	module.exports = function() {
		return Object.create(prototype);
	};
	const resetChildingsFormatter = (bindings) => bindings;
	function child(bindings, options) {
		if (!bindings) throw Error("missing bindings for child Pino");
		const serializers = this[serializersSym];
		const formatters = this[formattersSym];
		const instance = Object.create(this);
		if (options == null) {
			if (instance[formattersSym].bindings !== resetChildingsFormatter) instance[formattersSym] = buildFormatters(formatters.level, resetChildingsFormatter, formatters.log);
			instance[chindingsSym] = asChindings(instance, bindings);
			if (this.onChild !== noop) this.onChild(instance);
			return instance;
		}
		if (options.hasOwnProperty("serializers") === true) {
			instance[serializersSym] = Object.create(null);
			for (const k in serializers) instance[serializersSym][k] = serializers[k];
			const parentSymbols = Object.getOwnPropertySymbols(serializers);
			for (var i = 0; i < parentSymbols.length; i++) {
				const ks = parentSymbols[i];
				instance[serializersSym][ks] = serializers[ks];
			}
			for (const bk in options.serializers) instance[serializersSym][bk] = options.serializers[bk];
			const bindingsSymbols = Object.getOwnPropertySymbols(options.serializers);
			for (var bi = 0; bi < bindingsSymbols.length; bi++) {
				const bks = bindingsSymbols[bi];
				instance[serializersSym][bks] = options.serializers[bks];
			}
		} else instance[serializersSym] = serializers;
		if (options.hasOwnProperty("formatters")) {
			const { level, bindings: chindings, log } = options.formatters;
			instance[formattersSym] = buildFormatters(level || formatters.level, chindings || resetChildingsFormatter, log || formatters.log);
		} else instance[formattersSym] = buildFormatters(formatters.level, resetChildingsFormatter, formatters.log);
		if (options.hasOwnProperty("customLevels") === true) {
			assertNoLevelCollisions(this.levels, options.customLevels);
			instance.levels = mappings(options.customLevels, instance[useOnlyCustomLevelsSym]);
			genLsCache(instance);
		}
		if (typeof options.redact === "object" && options.redact !== null || Array.isArray(options.redact)) {
			instance.redact = options.redact;
			const stringifiers = redaction(instance.redact, stringify);
			const formatOpts = { stringify: stringifiers[redactFmtSym] };
			instance[stringifySym] = stringify;
			instance[stringifiersSym] = stringifiers;
			instance[formatOptsSym] = formatOpts;
		}
		if (typeof options.msgPrefix === "string") instance[msgPrefixSym] = (this[msgPrefixSym] || "") + options.msgPrefix;
		instance[chindingsSym] = asChindings(instance, bindings);
		if (options.level !== void 0 && options.level !== this.level || options.hasOwnProperty("customLevels")) {
			const childLevel = options.level || this.level;
			instance[setLevelSym](childLevel);
		}
		this.onChild(instance);
		return instance;
	}
	function bindings() {
		const chindingsJson = `{${this[chindingsSym].substr(1)}}`;
		const bindingsFromJson = JSON.parse(chindingsJson);
		delete bindingsFromJson.pid;
		delete bindingsFromJson.hostname;
		return bindingsFromJson;
	}
	function setBindings(newBindings) {
		const chindings = asChindings(this, newBindings);
		this[chindingsSym] = chindings;
	}
	/**
	* Default strategy for creating `mergeObject` from arguments and the result from `mixin()`.
	* Fields from `mergeObject` have higher priority in this strategy.
	*
	* @param {Object} mergeObject The object a user has supplied to the logging function.
	* @param {Object} mixinObject The result of the `mixin` method.
	* @return {Object}
	*/
	function defaultMixinMergeStrategy(mergeObject, mixinObject) {
		return Object.assign(mixinObject, mergeObject);
	}
	function write(_obj, msg, num) {
		const t = this[timeSym]();
		const mixin = this[mixinSym];
		const errorKey = this[errorKeySym];
		const messageKey = this[messageKeySym];
		const mixinMergeStrategy = this[mixinMergeStrategySym] || defaultMixinMergeStrategy;
		let obj;
		const streamWriteHook = this[hooksSym].streamWrite;
		if (_obj === void 0 || _obj === null) obj = {};
		else if (_obj instanceof Error) {
			obj = { [errorKey]: _obj };
			if (msg === void 0) msg = _obj.message;
		} else {
			obj = _obj;
			if (msg === void 0 && _obj[messageKey] === void 0 && _obj[errorKey]) msg = _obj[errorKey].message;
		}
		if (mixin) obj = mixinMergeStrategy(obj, mixin(obj, num, this));
		const s = this[asJsonSym](obj, msg, num, t);
		const stream = this[streamSym];
		if (stream[needsMetadataGsym] === true) {
			stream.lastLevel = num;
			stream.lastObj = obj;
			stream.lastMsg = msg;
			stream.lastTime = t.slice(this[timeSliceIndexSym]);
			stream.lastLogger = this;
		}
		stream.write(streamWriteHook ? streamWriteHook(s) : s);
	}
	function flush(cb) {
		if (cb != null && typeof cb !== "function") throw Error("callback must be a function");
		const stream = this[streamSym];
		if (typeof stream.flush === "function") stream.flush(cb || noop);
		else if (cb) cb();
	}
}));

// node_modules/safe-stable-stringify/index.js
var require_safe_stable_stringify = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const { hasOwnProperty } = Object.prototype;
	const stringify = configure();
	stringify.configure = configure;
	stringify.stringify = stringify;
	stringify.default = stringify;
	exports.stringify = stringify;
	exports.configure = configure;
	module.exports = stringify;
	const strEscapeSequencesRegExp = /[\u0000-\u001f\u0022\u005c\ud800-\udfff]/;
	function strEscape(str) {
		if (str.length < 5e3 && !strEscapeSequencesRegExp.test(str)) return `"${str}"`;
		return JSON.stringify(str);
	}
	function sort(array, comparator) {
		if (array.length > 200 || comparator) return array.sort(comparator);
		for (let i = 1; i < array.length; i++) {
			const currentValue = array[i];
			let position = i;
			while (position !== 0 && array[position - 1] > currentValue) {
				array[position] = array[position - 1];
				position--;
			}
			array[position] = currentValue;
		}
		return array;
	}
	const typedArrayPrototypeGetSymbolToStringTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Object.getPrototypeOf(/* @__PURE__ */ new Int8Array())), Symbol.toStringTag).get;
	function isTypedArrayWithEntries(value) {
		return typedArrayPrototypeGetSymbolToStringTag.call(value) !== void 0 && value.length !== 0;
	}
	function stringifyTypedArray(array, separator, maximumBreadth) {
		if (array.length < maximumBreadth) maximumBreadth = array.length;
		const whitespace = separator === "," ? "" : " ";
		let res = `"0":${whitespace}${array[0]}`;
		for (let i = 1; i < maximumBreadth; i++) res += `${separator}"${i}":${whitespace}${array[i]}`;
		return res;
	}
	function getCircularValueOption(options) {
		if (hasOwnProperty.call(options, "circularValue")) {
			const circularValue = options.circularValue;
			if (typeof circularValue === "string") return `"${circularValue}"`;
			if (circularValue == null) return circularValue;
			if (circularValue === Error || circularValue === TypeError) return { toString() {
				throw new TypeError("Converting circular structure to JSON");
			} };
			throw new TypeError("The \"circularValue\" argument must be of type string or the value null or undefined");
		}
		return "\"[Circular]\"";
	}
	function getDeterministicOption(options) {
		let value;
		if (hasOwnProperty.call(options, "deterministic")) {
			value = options.deterministic;
			if (typeof value !== "boolean" && typeof value !== "function") throw new TypeError("The \"deterministic\" argument must be of type boolean or comparator function");
		}
		return value === void 0 ? true : value;
	}
	function getBooleanOption(options, key) {
		let value;
		if (hasOwnProperty.call(options, key)) {
			value = options[key];
			if (typeof value !== "boolean") throw new TypeError(`The "${key}" argument must be of type boolean`);
		}
		return value === void 0 ? true : value;
	}
	function getPositiveIntegerOption(options, key) {
		let value;
		if (hasOwnProperty.call(options, key)) {
			value = options[key];
			if (typeof value !== "number") throw new TypeError(`The "${key}" argument must be of type number`);
			if (!Number.isInteger(value)) throw new TypeError(`The "${key}" argument must be an integer`);
			if (value < 1) throw new RangeError(`The "${key}" argument must be >= 1`);
		}
		return value === void 0 ? Infinity : value;
	}
	function getItemCount(number) {
		if (number === 1) return "1 item";
		return `${number} items`;
	}
	function getUniqueReplacerSet(replacerArray) {
		const replacerSet = /* @__PURE__ */ new Set();
		for (const value of replacerArray) if (typeof value === "string" || typeof value === "number") replacerSet.add(String(value));
		return replacerSet;
	}
	function getStrictOption(options) {
		if (hasOwnProperty.call(options, "strict")) {
			const value = options.strict;
			if (typeof value !== "boolean") throw new TypeError("The \"strict\" argument must be of type boolean");
			if (value) return (value) => {
				let message = `Object can not safely be stringified. Received type ${typeof value}`;
				if (typeof value !== "function") message += ` (${value.toString()})`;
				throw new Error(message);
			};
		}
	}
	function configure(options) {
		options = { ...options };
		const fail = getStrictOption(options);
		if (fail) {
			if (options.bigint === void 0) options.bigint = false;
			if (!("circularValue" in options)) options.circularValue = Error;
		}
		const circularValue = getCircularValueOption(options);
		const bigint = getBooleanOption(options, "bigint");
		const deterministic = getDeterministicOption(options);
		const comparator = typeof deterministic === "function" ? deterministic : void 0;
		const maximumDepth = getPositiveIntegerOption(options, "maximumDepth");
		const maximumBreadth = getPositiveIntegerOption(options, "maximumBreadth");
		function stringifyFnReplacer(key, parent, stack, replacer, spacer, indentation) {
			let value = parent[key];
			if (typeof value === "object" && value !== null && typeof value.toJSON === "function") value = value.toJSON(key);
			value = replacer.call(parent, key, value);
			switch (typeof value) {
				case "string": return strEscape(value);
				case "object": {
					if (value === null) return "null";
					if (stack.indexOf(value) !== -1) return circularValue;
					let res = "";
					let join = ",";
					const originalIndentation = indentation;
					if (Array.isArray(value)) {
						if (value.length === 0) return "[]";
						if (maximumDepth < stack.length + 1) return "\"[Array]\"";
						stack.push(value);
						if (spacer !== "") {
							indentation += spacer;
							res += `\n${indentation}`;
							join = `,\n${indentation}`;
						}
						const maximumValuesToStringify = Math.min(value.length, maximumBreadth);
						let i = 0;
						for (; i < maximumValuesToStringify - 1; i++) {
							const tmp = stringifyFnReplacer(String(i), value, stack, replacer, spacer, indentation);
							res += tmp !== void 0 ? tmp : "null";
							res += join;
						}
						const tmp = stringifyFnReplacer(String(i), value, stack, replacer, spacer, indentation);
						res += tmp !== void 0 ? tmp : "null";
						if (value.length - 1 > maximumBreadth) {
							const removedKeys = value.length - maximumBreadth - 1;
							res += `${join}"... ${getItemCount(removedKeys)} not stringified"`;
						}
						if (spacer !== "") res += `\n${originalIndentation}`;
						stack.pop();
						return `[${res}]`;
					}
					let keys = Object.keys(value);
					const keyLength = keys.length;
					if (keyLength === 0) return "{}";
					if (maximumDepth < stack.length + 1) return "\"[Object]\"";
					let whitespace = "";
					let separator = "";
					if (spacer !== "") {
						indentation += spacer;
						join = `,\n${indentation}`;
						whitespace = " ";
					}
					const maximumPropertiesToStringify = Math.min(keyLength, maximumBreadth);
					if (deterministic && !isTypedArrayWithEntries(value)) keys = sort(keys, comparator);
					stack.push(value);
					for (let i = 0; i < maximumPropertiesToStringify; i++) {
						const key = keys[i];
						const tmp = stringifyFnReplacer(key, value, stack, replacer, spacer, indentation);
						if (tmp !== void 0) {
							res += `${separator}${strEscape(key)}:${whitespace}${tmp}`;
							separator = join;
						}
					}
					if (keyLength > maximumBreadth) {
						const removedKeys = keyLength - maximumBreadth;
						res += `${separator}"...":${whitespace}"${getItemCount(removedKeys)} not stringified"`;
						separator = join;
					}
					if (spacer !== "" && separator.length > 1) res = `\n${indentation}${res}\n${originalIndentation}`;
					stack.pop();
					return `{${res}}`;
				}
				case "number": return isFinite(value) ? String(value) : fail ? fail(value) : "null";
				case "boolean": return value === true ? "true" : "false";
				case "undefined": return;
				case "bigint": if (bigint) return String(value);
				default: return fail ? fail(value) : void 0;
			}
		}
		function stringifyArrayReplacer(key, value, stack, replacer, spacer, indentation) {
			if (typeof value === "object" && value !== null && typeof value.toJSON === "function") value = value.toJSON(key);
			switch (typeof value) {
				case "string": return strEscape(value);
				case "object": {
					if (value === null) return "null";
					if (stack.indexOf(value) !== -1) return circularValue;
					const originalIndentation = indentation;
					let res = "";
					let join = ",";
					if (Array.isArray(value)) {
						if (value.length === 0) return "[]";
						if (maximumDepth < stack.length + 1) return "\"[Array]\"";
						stack.push(value);
						if (spacer !== "") {
							indentation += spacer;
							res += `\n${indentation}`;
							join = `,\n${indentation}`;
						}
						const maximumValuesToStringify = Math.min(value.length, maximumBreadth);
						let i = 0;
						for (; i < maximumValuesToStringify - 1; i++) {
							const tmp = stringifyArrayReplacer(String(i), value[i], stack, replacer, spacer, indentation);
							res += tmp !== void 0 ? tmp : "null";
							res += join;
						}
						const tmp = stringifyArrayReplacer(String(i), value[i], stack, replacer, spacer, indentation);
						res += tmp !== void 0 ? tmp : "null";
						if (value.length - 1 > maximumBreadth) {
							const removedKeys = value.length - maximumBreadth - 1;
							res += `${join}"... ${getItemCount(removedKeys)} not stringified"`;
						}
						if (spacer !== "") res += `\n${originalIndentation}`;
						stack.pop();
						return `[${res}]`;
					}
					stack.push(value);
					let whitespace = "";
					if (spacer !== "") {
						indentation += spacer;
						join = `,\n${indentation}`;
						whitespace = " ";
					}
					let separator = "";
					for (const key of replacer) {
						const tmp = stringifyArrayReplacer(key, value[key], stack, replacer, spacer, indentation);
						if (tmp !== void 0) {
							res += `${separator}${strEscape(key)}:${whitespace}${tmp}`;
							separator = join;
						}
					}
					if (spacer !== "" && separator.length > 1) res = `\n${indentation}${res}\n${originalIndentation}`;
					stack.pop();
					return `{${res}}`;
				}
				case "number": return isFinite(value) ? String(value) : fail ? fail(value) : "null";
				case "boolean": return value === true ? "true" : "false";
				case "undefined": return;
				case "bigint": if (bigint) return String(value);
				default: return fail ? fail(value) : void 0;
			}
		}
		function stringifyIndent(key, value, stack, spacer, indentation) {
			switch (typeof value) {
				case "string": return strEscape(value);
				case "object": {
					if (value === null) return "null";
					if (typeof value.toJSON === "function") {
						value = value.toJSON(key);
						if (typeof value !== "object") return stringifyIndent(key, value, stack, spacer, indentation);
						if (value === null) return "null";
					}
					if (stack.indexOf(value) !== -1) return circularValue;
					const originalIndentation = indentation;
					if (Array.isArray(value)) {
						if (value.length === 0) return "[]";
						if (maximumDepth < stack.length + 1) return "\"[Array]\"";
						stack.push(value);
						indentation += spacer;
						let res = `\n${indentation}`;
						const join = `,\n${indentation}`;
						const maximumValuesToStringify = Math.min(value.length, maximumBreadth);
						let i = 0;
						for (; i < maximumValuesToStringify - 1; i++) {
							const tmp = stringifyIndent(String(i), value[i], stack, spacer, indentation);
							res += tmp !== void 0 ? tmp : "null";
							res += join;
						}
						const tmp = stringifyIndent(String(i), value[i], stack, spacer, indentation);
						res += tmp !== void 0 ? tmp : "null";
						if (value.length - 1 > maximumBreadth) {
							const removedKeys = value.length - maximumBreadth - 1;
							res += `${join}"... ${getItemCount(removedKeys)} not stringified"`;
						}
						res += `\n${originalIndentation}`;
						stack.pop();
						return `[${res}]`;
					}
					let keys = Object.keys(value);
					const keyLength = keys.length;
					if (keyLength === 0) return "{}";
					if (maximumDepth < stack.length + 1) return "\"[Object]\"";
					indentation += spacer;
					const join = `,\n${indentation}`;
					let res = "";
					let separator = "";
					let maximumPropertiesToStringify = Math.min(keyLength, maximumBreadth);
					if (isTypedArrayWithEntries(value)) {
						res += stringifyTypedArray(value, join, maximumBreadth);
						keys = keys.slice(value.length);
						maximumPropertiesToStringify -= value.length;
						separator = join;
					}
					if (deterministic) keys = sort(keys, comparator);
					stack.push(value);
					for (let i = 0; i < maximumPropertiesToStringify; i++) {
						const key = keys[i];
						const tmp = stringifyIndent(key, value[key], stack, spacer, indentation);
						if (tmp !== void 0) {
							res += `${separator}${strEscape(key)}: ${tmp}`;
							separator = join;
						}
					}
					if (keyLength > maximumBreadth) {
						const removedKeys = keyLength - maximumBreadth;
						res += `${separator}"...": "${getItemCount(removedKeys)} not stringified"`;
						separator = join;
					}
					if (separator !== "") res = `\n${indentation}${res}\n${originalIndentation}`;
					stack.pop();
					return `{${res}}`;
				}
				case "number": return isFinite(value) ? String(value) : fail ? fail(value) : "null";
				case "boolean": return value === true ? "true" : "false";
				case "undefined": return;
				case "bigint": if (bigint) return String(value);
				default: return fail ? fail(value) : void 0;
			}
		}
		function stringifySimple(key, value, stack) {
			switch (typeof value) {
				case "string": return strEscape(value);
				case "object": {
					if (value === null) return "null";
					if (typeof value.toJSON === "function") {
						value = value.toJSON(key);
						if (typeof value !== "object") return stringifySimple(key, value, stack);
						if (value === null) return "null";
					}
					if (stack.indexOf(value) !== -1) return circularValue;
					let res = "";
					const hasLength = value.length !== void 0;
					if (hasLength && Array.isArray(value)) {
						if (value.length === 0) return "[]";
						if (maximumDepth < stack.length + 1) return "\"[Array]\"";
						stack.push(value);
						const maximumValuesToStringify = Math.min(value.length, maximumBreadth);
						let i = 0;
						for (; i < maximumValuesToStringify - 1; i++) {
							const tmp = stringifySimple(String(i), value[i], stack);
							res += tmp !== void 0 ? tmp : "null";
							res += ",";
						}
						const tmp = stringifySimple(String(i), value[i], stack);
						res += tmp !== void 0 ? tmp : "null";
						if (value.length - 1 > maximumBreadth) {
							const removedKeys = value.length - maximumBreadth - 1;
							res += `,"... ${getItemCount(removedKeys)} not stringified"`;
						}
						stack.pop();
						return `[${res}]`;
					}
					let keys = Object.keys(value);
					const keyLength = keys.length;
					if (keyLength === 0) return "{}";
					if (maximumDepth < stack.length + 1) return "\"[Object]\"";
					let separator = "";
					let maximumPropertiesToStringify = Math.min(keyLength, maximumBreadth);
					if (hasLength && isTypedArrayWithEntries(value)) {
						res += stringifyTypedArray(value, ",", maximumBreadth);
						keys = keys.slice(value.length);
						maximumPropertiesToStringify -= value.length;
						separator = ",";
					}
					if (deterministic) keys = sort(keys, comparator);
					stack.push(value);
					for (let i = 0; i < maximumPropertiesToStringify; i++) {
						const key = keys[i];
						const tmp = stringifySimple(key, value[key], stack);
						if (tmp !== void 0) {
							res += `${separator}${strEscape(key)}:${tmp}`;
							separator = ",";
						}
					}
					if (keyLength > maximumBreadth) {
						const removedKeys = keyLength - maximumBreadth;
						res += `${separator}"...":"${getItemCount(removedKeys)} not stringified"`;
					}
					stack.pop();
					return `{${res}}`;
				}
				case "number": return isFinite(value) ? String(value) : fail ? fail(value) : "null";
				case "boolean": return value === true ? "true" : "false";
				case "undefined": return;
				case "bigint": if (bigint) return String(value);
				default: return fail ? fail(value) : void 0;
			}
		}
		function stringify(value, replacer, space) {
			if (arguments.length > 1) {
				let spacer = "";
				if (typeof space === "number") spacer = " ".repeat(Math.min(space, 10));
				else if (typeof space === "string") spacer = space.slice(0, 10);
				if (replacer != null) {
					if (typeof replacer === "function") return stringifyFnReplacer("", { "": value }, [], replacer, spacer, "");
					if (Array.isArray(replacer)) return stringifyArrayReplacer("", value, [], getUniqueReplacerSet(replacer), spacer, "");
				}
				if (spacer.length !== 0) return stringifyIndent("", value, [], spacer, "");
			}
			return stringifySimple("", value, []);
		}
		return stringify;
	}
}));

// node_modules/pino/lib/multistream.js
var require_multistream = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const metadata = Symbol.for("pino.metadata");
	const { DEFAULT_LEVELS } = require_constants();
	const DEFAULT_INFO_LEVEL = DEFAULT_LEVELS.info;
	function multistream(streamsArray, opts) {
		streamsArray = streamsArray || [];
		opts = opts || { dedupe: false };
		const streamLevels = Object.create(DEFAULT_LEVELS);
		streamLevels.silent = Infinity;
		if (opts.levels && typeof opts.levels === "object") Object.keys(opts.levels).forEach((i) => {
			streamLevels[i] = opts.levels[i];
		});
		const res = {
			write,
			add,
			remove,
			emit,
			flushSync,
			end,
			minLevel: 0,
			lastId: 0,
			streams: [],
			clone,
			[metadata]: true,
			streamLevels
		};
		if (Array.isArray(streamsArray)) streamsArray.forEach(add, res);
		else add.call(res, streamsArray);
		streamsArray = null;
		return res;
		function write(data) {
			let dest;
			const level = typeof this.lastLevel === "string" ? (this.streamLevels || streamLevels)[this.lastLevel] : this.lastLevel;
			const { streams } = this;
			let recordedLevel = 0;
			let stream;
			for (let i = initLoopVar(streams.length, opts.dedupe); checkLoopVar(i, streams.length, opts.dedupe); i = adjustLoopVar(i, opts.dedupe)) {
				dest = streams[i];
				if (dest.level <= level) {
					if (recordedLevel !== 0 && recordedLevel !== dest.level) break;
					stream = dest.stream;
					if (stream[metadata]) {
						const { lastTime, lastMsg, lastObj, lastLogger } = this;
						stream.lastLevel = level;
						stream.lastTime = lastTime;
						stream.lastMsg = lastMsg;
						stream.lastObj = lastObj;
						stream.lastLogger = lastLogger;
					}
					stream.write(data);
					if (opts.dedupe) recordedLevel = dest.level;
				} else if (!opts.dedupe) break;
			}
		}
		function emit(...args) {
			for (const { stream } of this.streams) if (typeof stream.emit === "function") stream.emit(...args);
		}
		function flushSync() {
			for (const { stream } of this.streams) if (typeof stream.flushSync === "function") stream.flushSync();
		}
		function add(dest) {
			if (!dest) return this;
			const isStream = typeof dest.write === "function" || dest.stream;
			const stream_ = dest.write ? dest : dest.stream;
			if (!isStream) throw Error("stream object needs to implement either StreamEntry or DestinationStream interface");
			const { streams, streamLevels } = this;
			let level;
			if (typeof dest.levelVal === "number") level = dest.levelVal;
			else if (typeof dest.level === "string") level = streamLevels[dest.level];
			else if (typeof dest.level === "number") level = dest.level;
			else level = DEFAULT_INFO_LEVEL;
			const dest_ = {
				stream: stream_,
				level,
				levelVal: void 0,
				id: ++res.lastId
			};
			streams.unshift(dest_);
			streams.sort(compareByLevel);
			this.minLevel = streams[0].level;
			return this;
		}
		function remove(id) {
			const { streams } = this;
			const index = streams.findIndex((s) => s.id === id);
			if (index >= 0) {
				streams.splice(index, 1);
				streams.sort(compareByLevel);
				this.minLevel = streams.length > 0 ? streams[0].level : -1;
			}
			return this;
		}
		function end() {
			for (const { stream } of this.streams) {
				if (typeof stream.flushSync === "function") stream.flushSync();
				stream.end();
			}
		}
		function clone(level) {
			const streams = new Array(this.streams.length);
			for (let i = 0; i < streams.length; i++) streams[i] = {
				level,
				stream: this.streams[i].stream
			};
			return {
				write,
				add,
				remove,
				emit,
				flushSync,
				end,
				minLevel: level,
				streams,
				clone,
				[metadata]: true,
				streamLevels
			};
		}
	}
	function compareByLevel(a, b) {
		return a.level - b.level;
	}
	function initLoopVar(length, dedupe) {
		return dedupe ? length - 1 : 0;
	}
	function adjustLoopVar(i, dedupe) {
		return dedupe ? i - 1 : i + 1;
	}
	function checkLoopVar(i, length, dedupe) {
		return dedupe ? i >= 0 : i < length;
	}
	module.exports = multistream;
}));

// node_modules/pino/pino.js
var require_pino = /* @__PURE__ */ __commonJSMin(((exports, module) => {
	const os = __require("node:os");
	const stdSerializers = require_pino_std_serializers();
	const caller = require_caller();
	const redaction = require_redaction();
	const time = require_time();
	const proto = require_proto();
	const symbols = require_symbols();
	const { configure } = require_safe_stable_stringify();
	const { assertDefaultLevelFound, mappings, genLsCache, genLevelComparison, assertLevelComparison } = require_levels();
	const { DEFAULT_LEVELS, SORTING_ORDER } = require_constants();
	const { createArgsNormalizer, asChindings, buildSafeSonicBoom, buildFormatters, stringify, normalizeDestFileDescriptor, noop } = require_tools();
	const { version } = require_meta();
	const { chindingsSym, redactFmtSym, serializersSym, timeSym, timeSliceIndexSym, streamSym, stringifySym, stringifySafeSym, stringifiersSym, setLevelSym, endSym, formatOptsSym, messageKeySym, errorKeySym, nestedKeySym, mixinSym, levelCompSym, useOnlyCustomLevelsSym, formattersSym, hooksSym, nestedKeyStrSym, mixinMergeStrategySym, msgPrefixSym, transportUsesMultistreamSym } = symbols;
	const { epochTime, nullTime } = time;
	const { pid } = process;
	const hostname = os.hostname();
	const defaultErrorSerializer = stdSerializers.err;
	const normalize = createArgsNormalizer({
		level: "info",
		levelComparison: SORTING_ORDER.ASC,
		levels: DEFAULT_LEVELS,
		messageKey: "msg",
		errorKey: "err",
		nestedKey: null,
		enabled: true,
		base: {
			pid,
			hostname
		},
		serializers: Object.assign(Object.create(null), { err: defaultErrorSerializer }),
		formatters: Object.assign(Object.create(null), {
			bindings(bindings) {
				return bindings;
			},
			level(label, number) {
				return { level: number };
			}
		}),
		hooks: {
			logMethod: void 0,
			streamWrite: void 0
		},
		timestamp: epochTime,
		name: void 0,
		redact: null,
		customLevels: null,
		useOnlyCustomLevels: false,
		depthLimit: 5,
		edgeLimit: 100
	});
	const serializers = Object.assign(Object.create(null), stdSerializers);
	function pino(...args) {
		const instance = {};
		const { opts, stream } = normalize(instance, caller(), ...args);
		if (opts.level && typeof opts.level === "string" && DEFAULT_LEVELS[opts.level.toLowerCase()] !== void 0) opts.level = opts.level.toLowerCase();
		const { redact, crlf, serializers, timestamp, messageKey, errorKey, nestedKey, base, name, level, customLevels, levelComparison, mixin, mixinMergeStrategy, useOnlyCustomLevels, formatters, hooks, depthLimit, edgeLimit, onChild, msgPrefix } = opts;
		const stringifySafe = configure({
			maximumDepth: depthLimit,
			maximumBreadth: edgeLimit
		});
		const allFormatters = buildFormatters(formatters.level, formatters.bindings, formatters.log);
		const stringifyFn = stringify.bind({ [stringifySafeSym]: stringifySafe });
		const stringifiers = redact ? Object.assign(Object.create(null), redaction(redact, stringifyFn)) : Object.create(null);
		const formatOpts = redact ? { stringify: stringifiers[redactFmtSym] } : { stringify: stringifyFn };
		const end = "}" + (crlf ? "\r\n" : "\n");
		const coreChindings = asChindings.bind(null, {
			[chindingsSym]: "",
			[serializersSym]: serializers,
			[stringifiersSym]: stringifiers,
			[stringifySym]: stringify,
			[stringifySafeSym]: stringifySafe,
			[formattersSym]: allFormatters
		});
		let chindings = "";
		if (base !== null) {
			if (name === void 0) chindings = coreChindings(base);
			else chindings = coreChindings(Object.assign({}, base, { name }));
		}
		const time = timestamp instanceof Function ? timestamp : timestamp ? epochTime : nullTime;
		const timeSliceIndex = time().indexOf(":") + 1;
		if (useOnlyCustomLevels && !customLevels) throw Error("customLevels is required if useOnlyCustomLevels is set true");
		if (mixin && typeof mixin !== "function") throw Error(`Unknown mixin type "${typeof mixin}" - expected "function"`);
		if (msgPrefix && typeof msgPrefix !== "string") throw Error(`Unknown msgPrefix type "${typeof msgPrefix}" - expected "string"`);
		assertDefaultLevelFound(level, customLevels, useOnlyCustomLevels);
		const levels = mappings(customLevels, useOnlyCustomLevels);
		if (stream && stream[transportUsesMultistreamSym] === true) {
			let sampleLabel = typeof level === "string" ? level : void 0;
			if (!sampleLabel || levels[sampleLabel] === void 0) sampleLabel = Object.keys(levels)[0];
			const sampleNumber = levels[sampleLabel];
			let ok = false;
			try {
				const formatted = formatters.level(sampleLabel, sampleNumber);
				ok = formatted && typeof formatted === "object" && formatted.level === sampleNumber;
			} catch {
				ok = false;
			}
			if (!ok) process.emitWarning("custom formatters.level detected with multiple transport targets/pipelines; ensure logs include a numeric \"level\" field or they may be dropped", { code: "PINO_TRANSPORT_MULTI_TARGETS_LEVEL_FORMATTER" });
		}
		if (typeof stream.emit === "function") stream.emit("message", {
			code: "PINO_CONFIG",
			config: {
				levels,
				messageKey,
				errorKey
			}
		});
		assertLevelComparison(levelComparison);
		const levelCompFunc = genLevelComparison(levelComparison);
		Object.assign(instance, {
			levels,
			[levelCompSym]: levelCompFunc,
			[useOnlyCustomLevelsSym]: useOnlyCustomLevels,
			[streamSym]: stream,
			[timeSym]: time,
			[timeSliceIndexSym]: timeSliceIndex,
			[stringifySym]: stringify,
			[stringifySafeSym]: stringifySafe,
			[stringifiersSym]: stringifiers,
			[endSym]: end,
			[formatOptsSym]: formatOpts,
			[messageKeySym]: messageKey,
			[errorKeySym]: errorKey,
			[nestedKeySym]: nestedKey,
			[nestedKeyStrSym]: nestedKey ? `,${JSON.stringify(nestedKey)}:{` : "",
			[serializersSym]: serializers,
			[mixinSym]: mixin,
			[mixinMergeStrategySym]: mixinMergeStrategy,
			[chindingsSym]: chindings,
			[formattersSym]: allFormatters,
			[hooksSym]: hooks,
			silent: noop,
			onChild,
			[msgPrefixSym]: msgPrefix
		});
		Object.setPrototypeOf(instance, proto());
		genLsCache(instance);
		instance[setLevelSym](level);
		return instance;
	}
	module.exports = pino;
	module.exports.destination = (dest = process.stdout.fd) => {
		if (typeof dest === "object") {
			dest.dest = normalizeDestFileDescriptor(dest.dest || process.stdout.fd);
			return buildSafeSonicBoom(dest);
		} else return buildSafeSonicBoom({
			dest: normalizeDestFileDescriptor(dest),
			minLength: 0
		});
	};
	module.exports.transport = require_transport();
	module.exports.multistream = require_multistream();
	module.exports.levels = mappings();
	module.exports.stdSerializers = serializers;
	module.exports.stdTimeFunctions = Object.assign({}, time);
	module.exports.symbols = symbols;
	module.exports.version = version;
	module.exports.default = pino;
	module.exports.pino = pino;
}));

// packages/agent/dist/agent-state.js
var import_pino = require_pino();
/** What is so now; for health checks, metrics and `systemctl status`. */
var AgentState = class {
	/** While one is started. */
	overlay;
	store;
	cache;
	#services;
	#ready = false;
	#waitsFor = "starting";
	constructor(services) {
		this.#services = services;
	}
	/** What keeps pods from being set up; undefined once subnet.env is written. */
	get notReady() {
		return this.#ready ? void 0 : this.#waitsFor;
	}
	/** Not ready yet, for this reason. */
	waitFor(why) {
		this.#waitsFor = this.#services.redactor.text(why);
		if (!this.#ready) this.#services.serviceManager.status(this.#waitsFor);
	}
	/** subnet.env is written: from now on, for good. */
	becomeReady() {
		if (!this.#ready) this.#services.serviceManager.ready();
		this.#ready = true;
		this.tell();
	}
	/** Tells the service manager how things are. */
	tell() {
		if (this.#ready) this.#services.serviceManager.status(this.#text());
	}
	snapshot() {
		const { overlay, store, cache } = this;
		const cachedAsOf = cache?.cachedAsOf;
		return {
			status: overlay?.status,
			peers: this.#peers(),
			ready: this.#ready,
			leaseExpiresAt: overlay?.lease.expiresAt,
			storeUp: store?.isHeard ?? false,
			staleness: cachedAsOf === void 0 ? store?.silence ?? 0 : this.#services.clock.now() - cachedAsOf,
			fromCache: cachedAsOf !== void 0
		};
	}
	#peers() {
		const { overlay } = this;
		if (overlay === void 0) return 0;
		const own = overlay.lease.attributes;
		let peers = 0;
		for (const { attributes } of overlay.leases.values()) if (!sameNode(attributes, own)) peers += 1;
		return peers;
	}
	#text() {
		const { overlay, store } = this;
		if (overlay === void 0) return "starting anew";
		const { lease, status } = overlay;
		const subnets = [lease.subnet, lease.ipv6Subnet].filter((subnet) => subnet !== void 0);
		const kernel = status.inSync ? "in sync" : `${status.failures.length} of ${status.wanted} entries failing`;
		const hearing = store?.isHeard === true ? "" : `, ${store?.name} away`;
		return `${subnets.join(" and ")}, ${status.leases} leases, ${kernel}${hearing}`;
	}
};

// packages/agent/dist/observe/http-server.js
/** A client that is slower holds a connection, and nothing else. In ms. */
const REQUEST_TIMEOUT = 5e3;
/**
* What flanneld serves where it is given a port, and metrics besides. Resolves once it listens; rejects with
* `INVALID_CONFIG` where it cannot.
*/
async function serveHealth(address, served) {
	const server = createServer({ requestTimeout: REQUEST_TIMEOUT }, (request, response) => {
		answer(request.url ?? "", served).then(({ status, text, contentType = "text/plain; charset=utf-8" }) => {
			response.writeHead(status, { "content-type": contentType }).end(text);
		});
	});
	await new Promise((resolve, reject) => {
		const refuse = (cause) => reject(new OverlayError("INVALID_CONFIG", `serving health and metrics: ${cause.message}`, { cause }));
		server.once("error", refuse).listen({
			host: address.ip,
			port: address.port
		}, () => {
			server.off("error", refuse);
			resolve();
		});
	});
	return new HealthServer(server);
}
var HealthServer = class {
	#server;
	constructor(server) {
		this.#server = server;
	}
	/** Where 0 was asked for, the port that was found free. */
	get port() {
		const address = this.#server.address();
		return typeof address === "object" && address !== null ? address.port : 0;
	}
	/** Cuts off who is being served: nobody is worth a stop that is late. */
	async [Symbol.asyncDispose]() {
		const closed = new Promise((resolve) => this.#server.close(() => resolve()));
		this.#server.closeAllConnections();
		await closed;
	}
};
/** The texts up to the first colon are flanneld's. */
async function answer(url, served) {
	switch (url.split("?")[0]) {
		case "/healthz": return {
			status: 200,
			text: "flanneld is running"
		};
		case "/readyz": {
			const why = served.notReady();
			return why === void 0 ? {
				status: 200,
				text: "flanneld is ready"
			} : {
				status: 503,
				text: `flanneld is not ready yet: ${why}`
			};
		}
		case "/metrics": try {
			return {
				status: 200,
				...await served.metrics()
			};
		} catch (error) {
			return {
				status: 500,
				text: `gathering metrics: ${error instanceof Error ? error.message : error}`
			};
		}
		default: return {
			status: 404,
			text: "there are /healthz, /readyz and /metrics"
		};
	}
}

// packages/agent/dist/observe/late-metrics.js
/**
* Metrics that are made when there is time for it: importing what they are made of takes as long as joining a network.
* What happens before is kept, and counted then.
*/
var LateMetrics = class {
	#make;
	#missed = [];
	#making;
	#made;
	constructor(make) {
		this.#make = make;
	}
	observe(count) {
		if (this.#made === void 0) this.#missed.push(count);
		else count(this.#made);
	}
	/** There is time now. */
	ready() {
		this.#making ??= this.#make().then((metrics) => {
			this.#made = metrics;
			for (const count of this.#missed.splice(0)) count(metrics);
			return metrics;
		});
		return this.#making;
	}
};

// packages/agent/dist/backends.js
/** Every backend there is, by its `Backend.Type`. None is imported before a network asks for it. */
const loaders = /* @__PURE__ */ new Map([
	["vxlan", async () => (await import("./dist-DYuBZPYZ.js")).vxlan()],
	["host-gw", async () => (await import("./dist-Cp_bL3gK.js")).hostGw()],
	["alloc", async () => (await import("./dist-BVZtNis2.js")).alloc()]
]);
/** What flanneld takes where the config names none (its code; its documentation says vxlan). */
const FLANNEL_DEFAULT = "udp";
const backendTypes = [...loaders.keys()];
/**
* The config with its backend named as selvedge names it: flanneld's default where none is named, and in lower case,
* as flanneld does not mind the case.
*/
function withBackendType(config) {
	const { type, options } = config.backend ?? {
		type: FLANNEL_DEFAULT,
		options: {}
	};
	return {
		...config,
		backend: {
			type: type.toLowerCase(),
			options
		}
	};
}
/** The backend that a config names. Throws an OverlayError `INVALID_CONFIG` that tells which there are. */
async function loadBackend(config) {
	const { backend = { type: FLANNEL_DEFAULT } } = withBackendType(config);
	const load = loaders.get(backend.type);
	if (load !== void 0) return load();
	const named = config.backend === void 0 ? `the network config names no Backend.Type, which with flanneld means '${FLANNEL_DEFAULT}'` : `the network config's Backend.Type is '${config.backend.type}'`;
	throw new OverlayError("INVALID_CONFIG", `${named}, and that is not in this version: there are ${backendTypes.join(", ")}`);
}

// packages/agent/dist/stores/forwarding-subnet-manager.js
/** A store that is another one; to be extended by what differs. */
var ForwardingSubnetManager = class {
	subnets;
	/** @param subnets disposed of with this one */
	constructor(subnets) {
		this.subnets = subnets;
	}
	get name() {
		return this.subnets.name;
	}
	getNetworkConfig(options) {
		return this.subnets.getNetworkConfig(options);
	}
	acquireLease(request, options) {
		return this.subnets.acquireLease(request, options);
	}
	renewLease(lease, options) {
		return this.subnets.renewLease(lease, options);
	}
	releaseLease(lease, options) {
		return this.subnets.releaseLease(lease, options);
	}
	watchLeases(options) {
		return this.subnets.watchLeases(options);
	}
	async [Symbol.asyncDispose]() {
		await this.subnets[Symbol.asyncDispose]();
	}
};

// packages/agent/dist/lease-cache/network-config-json.js
/**
* The network config in the form that `parseNetworkConfig` reads, with every default written out. Keys that meant
* nothing are left out, so two configs that mean the same give the same text.
*/
function networkConfigJson({ ipv4, ipv6, enableNFTables, backend }) {
	return {
		EnableIPv4: ipv4 !== void 0,
		EnableIPv6: ipv6 !== void 0,
		EnableNFTables: enableNFTables,
		...ipv4 !== void 0 && {
			Network: ipv4.network,
			SubnetLen: ipv4.subnetLength,
			SubnetMin: ipv4.subnetMin,
			SubnetMax: ipv4.subnetMax
		},
		...ipv6 !== void 0 && {
			IPv6Network: ipv6.network,
			IPv6SubnetLen: ipv6.subnetLength,
			IPv6SubnetMin: ipv6.subnetMin,
			IPv6SubnetMax: ipv6.subnetMax
		},
		...backend !== void 0 && { Backend: {
			...backend.options,
			Type: backend.type
		} }
	};
}

// packages/agent/dist/lease-cache/saver.js
/** A first change is saved after this long, in ms: what comes with it is saved with it. */
const FIRST_DELAY = 1e3;
/** No more often than this, in ms; nor is a save that failed repeated sooner. */
const REST = 3e4;
/** Saves what changes, soon but not often. One save at a time. Idle until first asked. */
var Saver = class {
	#options;
	#closed = new AbortController();
	#asked = false;
	#failing = false;
	#running;
	#restUntil = Number.NEGATIVE_INFINITY;
	constructor(options) {
		this.#options = options;
	}
	/** There is something new to save. */
	ask() {
		this.#asked = true;
		if (!this.#closed.signal.aborted) this.#running ??= this.#run();
	}
	/** Saves what has not been saved yet. */
	async [Symbol.asyncDispose]() {
		this.#closed.abort();
		await this.#running;
		if (this.#asked) await this.#save();
	}
	async #run() {
		const { clock } = this.#options;
		while (this.#asked && !this.#closed.signal.aborted) {
			const delay = Math.max(FIRST_DELAY, this.#restUntil - clock.monotonic());
			await clock.sleep(delay, { signal: this.#closed.signal }).catch(() => void 0);
			if (!this.#closed.signal.aborted) await this.#save();
		}
		this.#running = void 0;
	}
	async #save() {
		const { clock, save, onError } = this.#options;
		this.#asked = false;
		try {
			await save();
			this.#failing = false;
		} catch (error) {
			this.#asked = true;
			if (!this.#failing) onError(error);
			this.#failing = true;
		}
		this.#restUntil = clock.monotonic() + REST;
	}
};

// packages/agent/dist/lease-cache/cached-subnet-manager.js
/** How long after the store is back its config is asked for again, where it went away meanwhile, in ms. */
const CONFIG_RETRY = 1e3;
/**
* A store that is remembered: while the store behind it answers it adds nothing and keeps, in a cache, the config, the
* node's own lease and everyone's. Where the store is away (`STORE_UNAVAILABLE`, and nothing else: a store that refuses
* has answered) when a node starts, the node gets the config, its own lease and its peers' out of the cache, until the
* store is back and counts again.
*
* What the cache tells is told as single leases and never as a snapshot: an overlay deletes nothing on account of it.
* A lease of its own whose end has passed is not given out: another node may have it by now.
*/
var CachedSubnetManager = class extends ForwardingSubnetManager {
	#cache;
	#observer;
	#clock;
	#saver;
	#config;
	#own;
	/** Everyone's, as the store last told them; undefined until it has told all. */
	#leases;
	#asOf = 0;
	/** In use because the store is away. */
	#cached;
	/** The overlay was started with this config out of the cache: is it still the store's? */
	#unchecked;
	constructor({ subnets, cache, observer, clock = systemClock }) {
		super(subnets);
		this.#cache = cache;
		this.#observer = observer;
		this.#clock = clock;
		this.#saver = new Saver({
			clock,
			save: () => this.#save(),
			onError: (error) => observer.notSaved(OverlayError.from(error, "STORE_UNAVAILABLE", "saving the lease cache"))
		});
	}
	/** When what is used out of the cache was known to be so, in ms since the epoch; undefined while none is used. */
	get cachedAsOf() {
		return this.#cached?.asOf;
	}
	async getNetworkConfig(options = {}) {
		try {
			this.#config = await this.subnets.getNetworkConfig(options);
			if (this.#unchecked !== void 0) this.#answered();
			this.#unchecked = void 0;
			return this.#config;
		} catch (error) {
			if (!isOverlayError(error, "STORE_UNAVAILABLE")) throw error;
			const cached = await this.#cache.load();
			if (cached === void 0) throw error;
			if (this.#cached === void 0) this.#observer.usingCache(cached, error);
			this.#cached = cached;
			this.#unchecked = cached.config;
			return cached.config;
		}
	}
	async acquireLease(request, options = {}) {
		const held = this.#cachedLease(request);
		if (held !== void 0) return this.#useCached(held, request);
		try {
			const lease = await this.subnets.acquireLease(request, options);
			this.#answered();
			this.#keep(lease);
			return lease;
		} catch (error) {
			const known = isOverlayError(error, "STORE_UNAVAILABLE") ? await this.#recall(request, error) : void 0;
			if (known === void 0) throw error;
			return this.#useCached(known, request);
		}
	}
	async renewLease(lease, options = {}) {
		try {
			const renewed = await this.subnets.renewLease(lease, options);
			this.#answered();
			this.#keep(renewed);
			return renewed;
		} catch (error) {
			if (isOverlayError(error, "LEASE_LOST")) this.#answered();
			throw error;
		}
	}
	async releaseLease(lease, options = {}) {
		await this.subnets.releaseLease(lease, options);
		this.#keep(void 0);
	}
	async *watchLeases(options) {
		for (const lease of this.#cached?.leases.values() ?? []) {
			if (options.signal.aborted) return;
			yield {
				type: "put",
				lease
			};
		}
		let check;
		for await (const event of this.subnets.watchLeases(options)) {
			this.#remember(event);
			this.#answered();
			if (this.#unchecked !== void 0) check ??= this.#checkConfig(this.#unchecked, options.signal);
			yield event;
		}
		await check;
	}
	/** What there is to save is saved. */
	async [Symbol.asyncDispose]() {
		await this.#saver[Symbol.asyncDispose]();
		await this.subnets[Symbol.asyncDispose]();
	}
	#answered() {
		if (this.#cached === void 0) return;
		this.#cached = void 0;
		this.#observer.storeAnswered();
	}
	/**
	* This node's lease out of the cache, where the config came from elsewhere than from the store that is away: from a
	* file, as with Kubernetes. Only at the start: what is known of the leases later is newer than the cache.
	*/
	async #recall(request, why) {
		if (this.#config === void 0 || this.#own !== void 0 || this.#leases !== void 0) return void 0;
		const cached = await this.#cache.load();
		if (cached === void 0 || textOf(cached.config) !== textOf(this.#config)) return void 0;
		const held = this.#usable(cached, request);
		if (held === void 0) return void 0;
		this.#cached = cached;
		this.#observer.usingCache(cached, why);
		return held;
	}
	#useCached(held, { adopt, attributes }) {
		this.#own = {
			...held,
			attributes: adopt?.(held) ?? attributes
		};
		return this.#own;
	}
	#cachedLease(request) {
		return this.#cached && this.#usable(this.#cached, request);
	}
	#usable({ own }, { attributes }) {
		if (own === void 0 || !sameNode(own.attributes, attributes)) return void 0;
		return own.expiresAt !== void 0 && own.expiresAt <= this.#clock.now() ? void 0 : own;
	}
	#keep(own) {
		this.#own = own;
		this.#learned();
	}
	#learned() {
		this.#asOf = this.#clock.now();
		this.#saver.ask();
	}
	#remember(event) {
		if (event.type === "snapshot") this.#leases = new Map(event.leases.map((lease) => [leaseKey(lease), lease]));
		else if (event.type === "put") this.#leases?.set(leaseKey(event.lease), event.lease);
		else this.#leases?.delete(leaseKey(event.lease));
		this.#learned();
	}
	async #save() {
		if (this.#config === void 0 || this.#leases === void 0) return;
		const network = {
			config: this.#config,
			own: this.#own,
			leases: this.#leases,
			asOf: this.#asOf
		};
		await this.#cache.save(network);
	}
	async #checkConfig(started, signal) {
		while (!signal.aborted) try {
			this.#config = await this.subnets.getNetworkConfig({ signal });
			this.#unchecked = void 0;
			if (textOf(this.#config) !== textOf(started)) this.#observer.configChanged();
			this.#learned();
			return;
		} catch {
			await this.#clock.sleep(CONFIG_RETRY, { signal }).catch(() => void 0);
		}
	}
};
const textOf = (config) => JSON.stringify(networkConfigJson(config));

// packages/agent/dist/atomic-file.js
/**
* Writes a file so that a reader sees the old text or the new one and never a part, whenever the machine stops: beside
* it, flushed to disk, renamed over it. Makes the folder. On failure the old file stands and nothing is left beside it.
*
* @param chunks each is written before the next one is made: other work goes on between them
* @param mode such as 0o600
*/
async function writeFileAtomically(path, chunks, mode) {
	await mkdir(dirname(path), { recursive: true });
	const beside = `${path}.${randomUUID()}`;
	try {
		const file = await open(beside, "wx", mode);
		try {
			for (const chunk of chunks) await file.writeFile(chunk);
			await file.sync();
		} finally {
			await file.close();
		}
		await rename(beside, path);
	} catch (error) {
		await rm(beside, { force: true });
		throw error;
	}
}

// packages/agent/dist/lease-cache/known-network.js
const FIRST_LINE = "selvedge leases 1";
/** Leases a chunk: a millisecond's work, so that saving 65,000 of them holds nothing up. */
const LEASES_A_CHUNK = 500;
/**
* The text of a file that holds what is known, in pieces: a first line that says what it is, a line of JSON, then a
* line for each lease as etcd holds it (`<key> <value>`), then the number of leases and the SHA-256 of all before it.
*
* @param store what tells one store from another
*/
function* encodeKnownNetwork(network, store) {
	const hash = createHash("sha256");
	const { config, own, leases, asOf } = network;
	const header = {
		store,
		asOf: new Date(asOf).toISOString(),
		config: networkConfigJson(config),
		...own !== void 0 && { own: {
			key: leaseKey(own),
			attributes: encodeLeaseAttributes(own.attributes),
			...own.expiresAt !== void 0 && { expiresAt: new Date(own.expiresAt).toISOString() }
		} }
	};
	let chunk = `${FIRST_LINE}\n${JSON.stringify(header)}\n`;
	let count = 0;
	for (const [key, { attributes }] of leases) {
		chunk += `${key} ${encodeLeaseAttributes(attributes)}\n`;
		count += 1;
		if (count % LEASES_A_CHUNK !== 0) continue;
		hash.update(chunk);
		yield chunk;
		chunk = "";
	}
	hash.update(chunk);
	yield `${chunk}${JSON.stringify({
		leases: count,
		sha256: hash.digest("hex")
	})}\n`;
}
/** Reads such a text. Throws an Error that says why it is not to be trusted. */
function decodeKnownNetwork(text) {
	const lines = text.split("\n");
	if (lines[0] !== FIRST_LINE) throw new SyntaxError(`it does not begin with '${FIRST_LINE}'`);
	const trailer = lines.at(-2);
	if (lines.length < 4 || trailer === void 0 || lines.at(-1) !== "") throw new SyntaxError("it breaks off");
	const body = text.slice(0, text.length - trailer.length - 1);
	const { leases: count, sha256 } = readObject(trailer, "its last line");
	if (count !== lines.length - 4 || sha256 !== createHash("sha256").update(body).digest("hex")) throw new SyntaxError("it was changed, or is not whole: its sum does not fit");
	const { store, asOf, config, own } = readObject(lines[1] ?? "", "its second line");
	const leases = new Map(lines.slice(2, -2).map((line) => readLease(line)));
	if (typeof store !== "string" || !isJsonObject(config)) throw new SyntaxError("its second line lacks a part");
	return {
		store,
		network: {
			config: parseNetworkConfig(config),
			own: readOwn(own),
			leases,
			asOf: readTime(asOf)
		}
	};
}
function readObject(text, what) {
	const value = JSON.parse(text);
	if (!isJsonObject(value)) throw new SyntaxError(`${what} is no JSON object`);
	return value;
}
function readLease(line) {
	const space = line.indexOf(" ");
	const lease = leaseOf(line.slice(0, space), line.slice(space + 1));
	return [leaseKey(lease), lease];
}
function readOwn(value) {
	if (value === void 0) return void 0;
	if (!isJsonObject(value)) throw new SyntaxError("own is no JSON object");
	const { key, attributes, expiresAt } = value;
	const lease = leaseOf(String(key), String(attributes));
	return expiresAt === void 0 ? lease : {
		...lease,
		expiresAt: readTime(expiresAt)
	};
}
function leaseOf(key, value) {
	const subnets = parseLeaseKey(key);
	if (subnets === void 0) throw new SyntaxError(`'${key}' is no key of a lease`);
	return {
		...subnets,
		attributes: decodeLeaseAttributes(value)
	};
}
function readTime(value) {
	const time = Date.parse(String(value));
	if (Number.isNaN(time)) throw new SyntaxError(`${JSON.stringify(value)} is no time`);
	return time;
}

// packages/agent/dist/lease-cache/lease-file.js
/** The config in it may hold keys. */
const MODE = 384;
/** A `LeaseCache` in one file. */
var LeaseFile = class {
	#options;
	constructor(options) {
		this.#options = options;
	}
	async load() {
		const { path, store, onWarning } = this.#options;
		try {
			const saved = decodeKnownNetwork(await readFile(path, "utf8"));
			if (saved.store === store) return saved.network;
			onWarning(`the lease cache ${path} is not used: it was saved from '${saved.store}', and this is '${store}'`);
		} catch (error) {
			if (!isMissing(error)) onWarning(`the lease cache ${path} is not used: ${error instanceof Error ? error.message : error}`);
		}
	}
	/** Rejects with `STORE_UNAVAILABLE` where the file cannot be written; what was saved before stays. */
	async save(network) {
		const { path, store } = this.#options;
		try {
			await writeFileAtomically(path, encodeKnownNetwork(network, store), MODE);
		} catch (cause) {
			throw new OverlayError("STORE_UNAVAILABLE", `saving the lease cache ${path}: ${cause instanceof Error ? cause.message : cause}; until it can be written, a start while the store is away knows only what was saved before`, { cause });
		}
	}
};
function isMissing(error) {
	return error instanceof Error && "code" in error && error.code === "ENOENT";
}

// packages/agent/dist/node-addresses.js
/**
* The addresses that the store says this node has. They decide by which interface peers are reached, before anything
* else is done; but a store that is away must not keep a node from starting on what it knew. Then they are read later,
* and where that tells of any the agent starts anew.
*/
var NodeAddresses = class {
	#options;
	#known;
	constructor(options) {
		this.#options = options;
		this.#known = options.read === void 0;
	}
	/** The settings with the addresses of the store in them, where it tells any. */
	async applyTo(settings, signal) {
		const { publicIp, publicIpv6 } = await this.#read(signal);
		return {
			...settings,
			publicIp: publicIp ?? settings.publicIp,
			publicIpv6: publicIpv6 ?? settings.publicIpv6
		};
	}
	/** Reads them where they could not be read before. */
	async check(signal) {
		if (this.#known) return;
		const { publicIp, publicIpv6 } = await this.#read(signal);
		if (publicIp === void 0 && publicIpv6 === void 0) return;
		this.#options.log("warn", "the store says that this node has another address: starting anew", {
			...publicIp !== void 0 && { publicIp },
			...publicIpv6 !== void 0 && { publicIpv6 }
		});
		this.#options.startAnew();
		signal.throwIfAborted();
	}
	async #read(signal) {
		try {
			const addresses = await this.#options.read?.({ signal });
			this.#known = true;
			return addresses ?? {};
		} catch (error) {
			if (!isOverlayError(error) && !signal.aborted) throw error;
			return {};
		}
	}
};

// packages/agent/dist/report-overlay.js
/** Someone who fights us may change thousands of entries: some of them tell the story. */
const KEYS_SHOWN = 5;
/** Logs and counts what an overlay tells, and passes on what calls for a new subnet.env. */
function reportOverlay(overlay, { services, state, metrics, store, publish }) {
	const { log } = services;
	overlay.on("lease", (event) => {
		const { type, lease } = event;
		log(type === "lost" ? "warn" : "info", LEASE_TEXTS[type], describe(lease));
		metrics?.observe((made) => made.lease(event));
		if (type === "changed" && overlay.status.state === "running") publish();
		state.tell();
	});
	overlay.on("peer", ({ type, lease }) => {
		log("debug", type === "put" ? "peer joined or changed" : "peer left", () => describe(lease));
	});
	overlay.on("sync", (report) => {
		log("debug", "kernel written", {
			...report,
			duration: Number(report.duration.toFixed(1))
		});
		metrics?.observe((made) => made.sync(report));
		state.tell();
	});
	overlay.on("drift", (drift) => {
		const keys = drift.slice(0, KEYS_SHOWN).map(({ key, was }) => `${key} ${was}`);
		log("warn", "somebody else changed what is ours: putting it right", {
			entries: drift.length,
			keys
		});
		metrics?.observe((made) => made.drift(drift));
	});
	overlay.on("mtu", (mtu) => {
		log("info", "the MTU for pods changed", { mtu });
		publish();
	});
	overlay.on("error", (error) => {
		const again = error.code === "STORE_UNAVAILABLE" && store.silence > 0;
		log(again ? "debug" : "error", error.message, describeError(error));
		metrics?.observe((made) => made.error(error));
		state.tell();
	});
	overlay.on("warning", (text) => log("warn", text));
}
const LEASE_TEXTS = {
	acquired: "lease acquired",
	renewed: "lease renewed",
	changed: "lease changed",
	lost: "lease lost: acquiring one again"
};
function describe({ subnet, ipv6Subnet, attributes, expiresAt }) {
	const { publicIp, publicIpv6 } = attributes;
	return withoutUndefined({
		subnet,
		ipv6Subnet,
		publicIp,
		publicIpv6,
		expires: expiresAt === void 0 ? void 0 : new Date(expiresAt).toISOString()
	});
}
/** Our own errors say it all in their message; of others' it is worth knowing where they come from. */
function describeError({ code, errno, cause }) {
	return withoutUndefined({
		code,
		errno,
		...cause instanceof TypeError ? { cause } : {}
	});
}
function withoutUndefined(fields) {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== void 0));
}

// packages/agent/dist/secrets.js
/** Keys of a Backend section that hold what nobody else may know: WireGuard's and IPsec's PSK, a cloud's keys. */
const SECRET_KEY = /psk|secret|password|token|key/i;
/** What must not be written anywhere, of what a network config holds. */
function secretsOf({ backend }) {
	return Object.entries(backend?.options ?? {}).flatMap(([key, value]) => typeof value === "string" && SECRET_KEY.test(key) ? [value] : []);
}
/** The same of the settings. */
function secretsOfSettings({ store }) {
	return store.type !== "etcd" || store.password === void 0 ? [] : [store.password];
}

// packages/agent/dist/stores/fixed-config.js
/**
* A store whose config was read already: an overlay starts with the very config that its backend was chosen by, and
* the store is asked once.
*/
var FixedConfig = class extends ForwardingSubnetManager {
	#config;
	constructor(subnets, config) {
		super(subnets);
		this.#config = config;
	}
	async getNetworkConfig({ signal } = {}) {
		signal?.throwIfAborted();
		return this.#config;
	}
};

// packages/agent/dist/stores/heard-store.js
/** A store of which is known whether its watch hears it, and since when not. */
var HeardStore = class extends ForwardingSubnetManager {
	#clock;
	#observer;
	#everHeard = false;
	/** On the clock that never jumps. */
	#lostAt;
	constructor(subnets, clock, observer) {
		super(subnets);
		this.#clock = clock;
		this.#observer = observer;
	}
	/** Whether what was told last is so now. */
	get isHeard() {
		return this.#everHeard && this.#lostAt === void 0;
	}
	/** For how long it has not been heard, in ms; 0 while it is. */
	get silence() {
		return this.#lostAt === void 0 ? 0 : this.#clock.monotonic() - this.#lostAt;
	}
	async *watchLeases(options) {
		const events = this.subnets.watchLeases({
			...options,
			onError: (error) => {
				this.#lost(error);
				options.onError?.(error);
			},
			onRecovered: () => {
				this.#heard();
				options.onRecovered?.();
			}
		});
		for await (const event of events) {
			this.#heard();
			yield event;
		}
	}
	#lost(error) {
		if (this.#lostAt !== void 0 || isOverlayError(error, "INVALID_LEASE")) return;
		this.#lostAt = this.#clock.monotonic();
		this.#observer.onLost(error);
	}
	#heard() {
		this.#everHeard = true;
		if (this.#lostAt === void 0) return;
		const after = this.silence;
		this.#lostAt = void 0;
		this.#observer.onHeard(after);
	}
};

// packages/agent/dist/subnet-file.js
/** A write that fails (a full disk, a read-only one) is repeated after half a second to 30 s. */
const BACKOFF = {
	first: 500,
	most: 3e4
};
/** Keeps a subnet.env holding the last text that was published: one write at a time, repeated until it succeeds. */
var SubnetFile = class {
	#options;
	#closed = new AbortController();
	#wanted;
	#written;
	#running;
	constructor(options) {
		this.#options = options;
	}
	publish(text) {
		this.#wanted = text;
		if (this.#pending()) this.#running ??= this.#run();
	}
	/** Waits for a write under way; one that failed is not repeated any more. */
	async [Symbol.asyncDispose]() {
		this.#closed.abort();
		await this.#running;
	}
	async #run() {
		const { path, clock, random, onWritten, onError, write = writeSubnetEnv } = this.#options;
		const { signal } = this.#closed;
		for (let failures = 0; this.#wanted !== void 0 && this.#wanted !== this.#written && !signal.aborted;) {
			const text = this.#wanted;
			try {
				await write(path, text);
				this.#written = text;
				failures = 0;
				onWritten(text);
			} catch (error) {
				failures += 1;
				if (failures === 1) onError(error);
				await clock.sleep(backoffDelay(failures, BACKOFF, random), { signal }).catch(() => void 0);
			}
		}
		this.#running = void 0;
	}
	/** What is still to be written. */
	#pending() {
		return this.#wanted === this.#written || this.#closed.signal.aborted ? void 0 : this.#wanted;
	}
};

// packages/agent/dist/session.js
/** A start that fails is repeated after one to 30 s. */
const START_BACKOFF = {
	first: 1e3,
	most: 3e4
};
/** A lease is given back in this time, in ms, or not at all: a stop must not wait for a store that is away. */
const RELEASE_TIMEOUT = 1e3;
/**
* One overlay, from opening the store to stopping. Resolves when the signal aborts, and before that where the overlay
* has to be started anew, with another network config. Rejects for what nothing but a new process can mend.
*/
async function runSession(context, signal) {
	const anew = new AbortController();
	const startAnew = () => anew.abort();
	const { services, state } = context;
	const stores = await openStore$1(context, startAnew);
	const addresses = new NodeAddresses({
		read: stores.opened.nodeAddresses,
		log: services.log,
		startAnew
	});
	const settings = await addresses.applyTo(context.settings, signal);
	const drivers = await services.openDrivers(settings);
	const session = new Session({
		...context,
		settings
	}, {
		...stores,
		addresses,
		drivers
	});
	try {
		await session.run(AbortSignal.any([signal, anew.signal]));
	} finally {
		state.overlay = void 0;
		await session.stop({ release: settings.releaseLease && signal.aborted });
	}
}
async function openStore$1({ settings, services, state }, startAnew) {
	const { log, clock } = services;
	const opened = await services.openStore(settings.store, { onWaiting: (why) => {
		state.waitFor(why.message);
		log("warn", why.message, { code: why.code });
	} });
	const store = new HeardStore(opened.subnets, clock, {
		onLost: (error) => {
			log("error", `${opened.subnets.name} is lost; traffic flows on by what is known`, { error });
			state.tell();
		},
		onHeard: (after) => {
			log("info", `${opened.subnets.name} is back`, { afterMs: Math.round(after) });
			state.tell();
		}
	});
	state.store = store;
	if (settings.leaseCache === void 0) return {
		opened,
		store,
		subnets: store
	};
	const cache = new LeaseFile({
		path: settings.leaseCache,
		store: opened.identity,
		onWarning: (text) => log("warn", text)
	});
	state.cache = new CachedSubnetManager({
		subnets: store,
		cache,
		clock,
		observer: {
			usingCache: ({ asOf, leases }, why) => log("warn", `${store.name} is away: starting from what was known`, {
				asOf: new Date(asOf).toISOString(),
				leases: leases.size,
				error: why
			}),
			storeAnswered: () => log("info", `${store.name} answers: what was known counts no more`),
			configChanged: () => {
				log("warn", "the network config is another than the one known: starting anew");
				startAnew();
			},
			notSaved: (error) => log("warn", error.message, { code: error.code })
		}
	});
	return {
		opened,
		store,
		subnets: state.cache
	};
}
var Session = class {
	#context;
	#parts;
	#subnetFile;
	/** The last one made, whether it has started or not: it disposes of the store and the drivers. */
	#overlay;
	constructor(context, parts) {
		this.#context = context;
		this.#parts = parts;
		const { settings, services, state } = context;
		this.#subnetFile = new SubnetFile({
			path: settings.subnetFile,
			clock: services.clock,
			random: services.random,
			onWritten: (text) => {
				services.log("info", "subnet.env is written", {
					file: settings.subnetFile,
					...variablesOf(text)
				});
				state.becomeReady();
			},
			onError: (error) => {
				state.waitFor(`writing ${settings.subnetFile} fails`);
				services.log("error", `writing ${settings.subnetFile} fails, and is tried again`, { error });
			}
		});
	}
	async run(signal) {
		const { services, state, metrics } = this.#context;
		try {
			const overlay = await this.#start(signal);
			state.overlay = overlay;
			this.#publish(overlay);
			await overlay.whenInSync({ signal });
			services.log("info", "in sync: the kernel holds what all leases call for", { leases: overlay.leases.size });
			state.tell();
			this.#reportUp(signal);
			overlay.on("lease", ({ type }) => {
				if (type === "acquired" || type === "changed") this.#reportUp(signal);
			});
			metrics?.ready().catch((error) => services.log("error", "metrics cannot be made", { error }));
			await aborted(signal);
		} catch (error) {
			if (!signal.aborted) throw error;
		}
	}
	async stop({ release }) {
		const { log } = this.#context.services;
		const { drivers, subnets } = this.#parts;
		const disposables = this.#overlay === void 0 ? [...drivers, subnets] : [];
		const ends = [
			this.#overlay?.stop({
				release,
				signal: AbortSignal.timeout(RELEASE_TIMEOUT)
			}),
			this.#subnetFile[Symbol.asyncDispose](),
			...disposables.map((disposable) => disposable[Symbol.asyncDispose]())
		];
		for (const end of await Promise.allSettled(ends)) if (end.status === "rejected") log("error", "stopping was not clean", { error: end.reason });
	}
	/** Starts an overlay, however long it takes. */
	async #start(signal) {
		const { services, state, metrics } = this.#context;
		for (let failures = 1;; failures += 1) try {
			return await this.#tryToStart(signal);
		} catch (error) {
			signal.throwIfAborted();
			if (!isOverlayError(error) || isFatal(error)) throw error;
			const pause = backoffDelay(failures, START_BACKOFF, services.random);
			state.waitFor(error.message);
			services.log("error", error.message, {
				code: error.code,
				retryMs: Math.round(pause)
			});
			metrics?.observe((made) => made.error(error));
			metrics?.ready().catch(() => void 0);
			await services.clock.sleep(pause, { signal });
		}
	}
	async #tryToStart(signal) {
		const { settings, services, state } = this.#context;
		const { addresses, subnets, drivers, store } = this.#parts;
		await addresses.check(signal);
		state.waitFor(`waiting for ${subnets.name} to tell the network config`);
		const config = await subnets.getNetworkConfig({ signal });
		for (const secret of secretsOf(config)) services.redactor.add(secret);
		services.log("info", "network config", describeConfig(config));
		const backend = await services.loadBackend(config);
		const previous = await this.#previous();
		const overlay = createOverlay({
			subnets: new FixedConfig(subnets, withBackendType(config)),
			backend,
			drivers,
			publicIp: settings.publicIp,
			publicIpv6: settings.publicIpv6,
			previous,
			renewMargin: settings.renewMargin,
			clock: services.clock,
			random: services.random
		});
		this.#overlay = overlay;
		reportOverlay(overlay, {
			...this.#context,
			store,
			publish: () => this.#publish(overlay)
		});
		state.waitFor(`joining the network in ${subnets.name}`);
		await overlay.start({ signal });
		return overlay;
	}
	/** What this node held when subnet.env was last written, by whichever agent. */
	async #previous() {
		const { settings, services } = this.#context;
		try {
			return await readSubnetEnv(settings.subnetFile);
		} catch (error) {
			services.log("warn", `the subnet held before is not known: ${settings.subnetFile} cannot be read`, { error });
			return;
		}
	}
	/** Tells the store that pods of this node have a network, however long that takes. */
	async #reportUp(signal) {
		const { reportUp } = this.#parts.opened;
		const { log, clock, random } = this.#context.services;
		for (let failures = 1; reportUp !== void 0 && !signal.aborted; failures += 1) try {
			return await reportUp({ signal });
		} catch (error) {
			if (signal.aborted) return;
			log(failures === 1 ? "warn" : "debug", "reporting that the network is up failed, and is tried again", { error });
			await clock.sleep(backoffDelay(failures, START_BACKOFF, random), { signal }).catch(() => void 0);
		}
	}
	#publish(overlay) {
		this.#subnetFile.publish(overlay.subnetEnv({ ipMasq: this.#context.settings.ipMasq }));
	}
};
/** Rejects with the signal's reason once it aborts. */
async function aborted(signal) {
	if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
	throw signal.reason;
}
/** The kernel lacks something, or this process lacks rights: nothing but an administrator can mend that. */
function isFatal({ code, errno }) {
	return code === "UNSUPPORTED" || code === "ACCESS_DENIED" && errno !== void 0;
}
function describeConfig({ ipv4, ipv6, backend }) {
	return {
		...ipv4 !== void 0 && { network: ipv4.network },
		...ipv6 !== void 0 && { ipv6Network: ipv6.network },
		backend: backend?.type
	};
}
/** The lines of a subnet.env as fields of a log line. */
function variablesOf(text) {
	return Object.fromEntries(text.split("\n").filter((line) => line !== "").map((line) => line.split("=", 2)));
}

// packages/agent/dist/agent.js
/**
* Runs the agent until the signal aborts, then stops it; what the kernel holds stays, and traffic flows on.
*
* Whatever happens to the store, the network config or the interfaces is waited for, retried and told. It rejects only
* for what nothing but a new start can mend: a health port that is taken, rights or kernel features that are missing.
*/
async function runAgent(settings, services, signal) {
	const { log, serviceManager } = services;
	const state = new AgentState(services);
	const metrics = settings.health === void 0 ? void 0 : lateMetrics(state, settings, services);
	for (const warning of settings.warnings) log("warn", warning);
	let health;
	if (settings.health !== void 0 && metrics !== void 0) {
		health = await serveHealth(settings.health, {
			notReady: () => state.notReady,
			metrics: async () => {
				const made = await metrics.ready();
				return {
					text: await made.text(),
					contentType: made.contentType
				};
			}
		});
		log("info", "serving /healthz, /readyz and /metrics", {
			...settings.health,
			port: health.port
		});
	}
	signal.addEventListener("abort", () => serviceManager.stopping(), { once: true });
	serviceManager.startWatchdog();
	try {
		while (!signal.aborted) await runSession({
			settings,
			services,
			state,
			metrics
		}, signal);
	} finally {
		serviceManager.stopWatchdog();
		await health?.[Symbol.asyncDispose]();
	}
}
function lateMetrics(state, { store }, { version }) {
	return new LateMetrics(async () => {
		const { Metrics } = await import("./metrics-DEGOnnfl.js");
		return new Metrics(() => state.snapshot(), {
			version,
			store: store.type
		});
	});
}

// packages/agent/dist/interface-choices.js
/**
* In which order flanneld looks for the interface to peers: every `-iface`, every `-iface-regex`, `-iface-can-reach`;
* without any of these the one that bears the public address, where one was given; else that of the default route.
*/
function interfaceChoices(settings) {
	const { namesOrAddresses, patterns, canReach } = settings.externalInterface;
	const asked = [...namesOrAddresses, ...patterns];
	if (canReach !== void 0) asked.push({ canReach });
	if (asked.length > 0) return asked;
	const publicAddress = settings.publicIp ?? settings.publicIpv6;
	return publicAddress === void 0 ? [] : [publicAddress];
}

// packages/agent/dist/logging/terminal-format.js
const LEVELS = {
	10: "TRACE",
	20: "DEBUG",
	30: "INFO ",
	40: "\x1B[33mWARN \x1B[39m",
	50: "\x1B[31mERROR\x1B[39m"
};
/** A log line for a person at a terminal: `06:14:06.123 INFO  subnet.env written  file=/run/… mtu=1450`. */
function terminalLine(json) {
	const { level, time, msg, ...fields } = parse(json);
	const label = LEVELS[Number(level)] ?? String(level);
	return `${new Date(Number(time)).toTimeString().slice(0, 8)}.${String(Number(time) % 1e3).padStart(3, "0")} ${label} ${[msg, ...Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`)].join("  ")}\n`;
}
function parse(json) {
	const value = JSON.parse(json);
	return isJsonObject(value) ? value : { msg: json };
}
function shown(value) {
	if (typeof value === "string") return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
	return JSON.stringify(value);
}

// packages/agent/dist/logging/logger.js
const TRACE_FROM = 4;
function createLogger({ verbosity, destination, forTerminal, redactor }) {
	const logger = (0, import_pino.pino)({
		level: verbosity >= TRACE_FROM ? "trace" : verbosity >= 1 ? "debug" : "info",
		base: null
	}, forTerminal ? { write: (line) => destination.write(terminalLine(line)) } : destination);
	return (level, message, fields = {}) => {
		if (!logger.isLevelEnabled(level)) return;
		const shown = typeof fields === "function" ? fields() : fields;
		logger[level](redactor.value(shown), redactor.text(message));
	};
}

// packages/agent/dist/logging/redactor.js
const SHOWN = "[redacted]";
/**
* Takes known secrets out of whatever is about to be written. It is the last line: nothing writes a secret on purpose,
* but what a library, or a person's own mistyped config, puts into an error message is not for us to know.
*/
var Redactor = class {
	#secrets = [];
	/** From now on `secret` is never written. An empty one, or none, is let be. */
	add(secret) {
		if (secret === void 0 || secret === "" || this.#secrets.includes(secret)) return;
		this.#secrets = [...this.#secrets, secret].sort((a, b) => b.length - a.length);
	}
	text(text) {
		return this.#secrets.reduce((redacted, secret) => redacted.replaceAll(secret, SHOWN), text);
	}
	/** A copy of plain data, or of an Error as plain data, with every string in it redacted. */
	value(value) {
		if (typeof value === "string") return this.text(value);
		if (typeof value !== "object" || value === null) return value;
		if (value instanceof Error) return this.value(plainError(value));
		if (Array.isArray(value)) return value.map((item) => this.value(item));
		return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.value(item)]));
	}
};
/** Deep enough to find the reason, shallow enough not to fill the log. */
const DEEPEST_CAUSE = 4;
/**
* What is worth keeping of an error: other fields are a library's own, and may hold whole requests. The stack is, too,
* only for errors that nobody foresaw: those of selvedge say what happened, not where in the code.
*/
function plainError(error, depth = 0) {
	const { code, errno } = error;
	const foreseen = error.name === "OverlayError" || error.name === "UsageError";
	return {
		type: error.name,
		...code !== void 0 && { code },
		...errno !== void 0 && { errno },
		message: error.message,
		...!foreseen && depth === 0 && { stack: error.stack },
		...error.cause instanceof Error && depth < DEEPEST_CAUSE && { cause: plainError(error.cause, depth + 1) }
	};
}

// packages/agent/dist/stores/open-store.js
/** Opens the store that the flags name, and imports no other: a store brings the client of what it stands on. */
async function openStore(settings, events) {
	switch (settings.type) {
		case "etcd": return (await import("./etcd-C0IhALnH.js")).openEtcd(settings, events);
		case "kubernetes": return (await import("./kubernetes-D620khCD.js")).openKubernetes(settings, events);
	}
}

// packages/agent/dist/systemd/unix-datagram.js
/**
* One datagram to a UNIX socket: what systemd listens on, and what Node has no call for (its UNIX sockets are streams).
* The C library is reached through koffi, which is loaded when a datagram is first sent.
*/
/** include/linux/socket.h, include/linux/net.h, and the same for MSG_*. */
const AF_UNIX = 1;
/** sun_path of struct sockaddr_un (include/uapi/linux/un.h). */
const LONGEST_PATH = 108;
let libc;
function loadLibc() {
	const koffi = createRequire(import.meta.url)("koffi");
	const library = koffi.load(null);
	return {
		socket: library.func("int socket(int domain, int type, int protocol)"),
		sendto: library.func("intptr_t sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t size)"),
		close: library.func("int close(int fd)"),
		errno: () => koffi.errno()
	};
}
/**
* Sends `text` to the socket at `path`; a path that begins with `@` is in the abstract namespace. Never waits: where
* the receiver's queue is full it fails. Throws an OverlayError `UNSUPPORTED` that tells the errno.
*/
function sendDatagram(path, text) {
	const address = socketAddress(path);
	libc ??= loadLibc();
	const fd = libc.socket(AF_UNIX, 524290, 0);
	if (fd < 0) throw refused("socket", path, libc.errno());
	try {
		const data = Buffer.from(text);
		if (libc.sendto(fd, data, data.length, 16448, address, address.length) < 0) throw refused("sendto", path, libc.errno());
	} finally {
		libc.close(fd);
	}
}
/** struct sockaddr_un: the family in the machine's byte order, then the path. */
function socketAddress(path) {
	const name = Buffer.from(path.startsWith("@") ? `\0${path.slice(1)}` : `${path}\0`);
	if (!/^[/@]./.test(path) || name.length > LONGEST_PATH) throw new OverlayError("UNSUPPORTED", `'${path}' is no path of a UNIX socket`);
	const family = Buffer.from(new Uint16Array([AF_UNIX]).buffer);
	return Buffer.concat([family, name]);
}
function refused(call, path, errno) {
	return new OverlayError("UNSUPPORTED", `sending to the UNIX socket ${path}: ${call} failed, errno ${errno}`);
}

// packages/agent/dist/systemd/service-manager.js
/**
* What systemd is told of this process (sd_notify(3)): that it is ready, what it is doing, that it is alive, that it
* stops. Without a service manager that listens, nothing is said and nothing is loaded for it.
*/
var ServiceManager = class {
	#options;
	#status;
	#failed = false;
	#watchdog;
	constructor(options) {
		this.#options = options;
	}
	/** Ready: units that wait for this one may start. */
	ready() {
		this.#notify("READY=1");
	}
	/** One line for `systemctl status`. */
	status(text) {
		if (text === this.#status) return;
		this.#status = text;
		this.#notify(`STATUS=${text.replaceAll("\n", " ")}`);
	}
	stopping() {
		this.#notify("STOPPING=1");
	}
	/**
	* Says that this process is alive as long as its event loop turns, at half the interval in which the service
	* manager wants to hear so (sd_watchdog_enabled(3)); never where it wants none.
	*/
	startWatchdog() {
		const { WATCHDOG_USEC, WATCHDOG_PID } = this.#options.variables;
		const interval = Number(WATCHDOG_USEC) / 1e3;
		const forUs = WATCHDOG_PID === void 0 || Number(WATCHDOG_PID) === (this.#options.pid ?? process.pid);
		if (!(interval > 0) || !forUs) return;
		this.#notify("WATCHDOG=1");
		this.#watchdog = setInterval(() => this.#notify("WATCHDOG=1"), interval / 2);
		this.#watchdog.unref();
	}
	stopWatchdog() {
		clearInterval(this.#watchdog);
	}
	#notify(text) {
		const socket = this.#options.variables.NOTIFY_SOCKET;
		if (!socket) return;
		try {
			(this.#options.send ?? sendDatagram)(socket, text);
			this.#failed = false;
		} catch (error) {
			if (!this.#failed) this.#options.onError(error);
			this.#failed = true;
		}
	}
};

// packages/agent/dist/run-process.js
const STDERR = 2;
const FAILED = 1;
/** A stop that takes longer, in ms, is cut short: all that it may leave undone is done by the next start. */
const LONGEST_STOP = 1800;
/** The agent as this process: with its signals, its standard error, its exit status. Never returns. */
async function runProcess(settings, version) {
	const redactor = new Redactor();
	for (const secret of secretsOfSettings(settings)) redactor.add(secret);
	const log = createLogger({
		verbosity: settings.verbosity,
		destination: (0, import_pino.destination)({
			fd: STDERR,
			sync: true
		}),
		forTerminal: process$1.stderr.isTTY,
		redactor
	});
	hideSecrets(redactor);
	exitOnBug(log);
	const signal = stopSignal(log);
	log("info", "selvedged starts", {
		version,
		node: process$1.version,
		store: settings.store.type
	});
	try {
		await runAgent(settings, {
			openStore,
			openDrivers: async (inForce) => [linux({ interface: interfaceChoices(inForce) })],
			loadBackend,
			log,
			redactor,
			serviceManager: new ServiceManager({
				variables: process$1.env,
				onError: (error) => log("warn", "systemd cannot be told", { error })
			}),
			version,
			clock: systemClock,
			random: Math.random
		}, signal);
	} catch (error) {
		log("error", error instanceof Error ? error.message : String(error), isOverlayError(error) ? {} : { error });
		process$1.exit(FAILED);
	}
	log("info", "stopped; traffic flows on");
	process$1.exit(0);
}
/** Aborts at SIGTERM and SIGINT. A second one, or a stop that hangs, ends the process at once. */
function stopSignal(log) {
	const stop = new AbortController();
	const onSignal = (name) => {
		if (stop.signal.aborted) process$1.exit(FAILED);
		log("info", `${name}: stopping`);
		stop.abort();
		setTimeout(() => {
			log("error", `not stopped after ${LONGEST_STOP} ms: exiting all the same`);
			process$1.exit(FAILED);
		}, LONGEST_STOP);
	};
	process$1.on("SIGTERM", onSignal).on("SIGINT", onSignal);
	return stop.signal;
}
/** What nobody caught would be printed by Node.js as it is, whatever it holds. */
function exitOnBug(log) {
	const onBug = (error) => {
		log("error", "a fault in selvedged, which ends it", { error });
		process$1.exit(FAILED);
	};
	process$1.on("uncaughtException", onBug).on("unhandledRejection", onBug);
}
/** A password given on the command line is there for every user to see: take it out of what `ps` shows. */
function hideSecrets(redactor) {
	const line = ["selvedged", ...process$1.argv.slice(2)].join(" ");
	const redacted = redactor.text(line);
	if (redacted !== line) process$1.title = redacted;
}

export { runProcess };