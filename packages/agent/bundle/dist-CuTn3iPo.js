import { r as __toESM, t as __commonJSMin } from "./rolldown-runtime-CoNq6U3z.js";
import { EventEmitter } from "node:events";
import { randomUUID } from "node:crypto";
import * as nodeFs from "node:fs/promises";
import { dirname } from "node:path";

// packages/core/dist/backoff.js
/**
* The delay in ms before try number `attempt` (1 for the first retry): doubled each time up to `most`, and drawn
* evenly from its upper half, so that nodes that failed together do not return together.
*/
function backoffDelay(attempt, { first, most }, random) {
	const ceiling = Math.min(most, first * 2 ** Math.min(attempt - 1, 30));
	return ceiling / 2 + random() * ceiling / 2;
}

// packages/core/dist/errors.js
/**
* The one error that selvedge throws for what can go wrong in operation. Its message says what was attempted on
* what, what answered and how, and what to do. Misuse by the programmer is a `TypeError`; an aborted call rejects
* with the signal's own reason.
*/
var OverlayError = class OverlayError extends Error {
	name = "OverlayError";
	code;
	errno;
	constructor(code, message, options = {}) {
		super(message, options.cause === void 0 ? void 0 : { cause: options.cause });
		this.code = code;
		this.errno = options.errno;
	}
	/** Returns `error` itself if it is an OverlayError, else one of code `code` that keeps it as its cause. */
	static from(error, code, attempted) {
		if (error instanceof OverlayError) return error;
		const said = error instanceof Error ? error.message : String(error);
		return new OverlayError(code, `${attempted}: ${said}`, { cause: error });
	}
};
/** True for an OverlayError, and with `code` only for one of that code. */
function isOverlayError(error, code) {
	return error instanceof OverlayError && (code === void 0 || error.code === code);
}

// node_modules/ipaddr.js/lib/ipaddr.js
var require_ipaddr = /* @__PURE__ */ __commonJSMin(((exports, module, this$1) => {
	(function(root) {
		"use strict";
		const ipv4Part = "(0?\\d+|0x[a-f0-9]+)";
		const ipv4Regexes = {
			fourOctet: new RegExp(`^${ipv4Part}\\.${ipv4Part}\\.${ipv4Part}\\.${ipv4Part}$`, "i"),
			threeOctet: new RegExp(`^${ipv4Part}\\.${ipv4Part}\\.${ipv4Part}$`, "i"),
			twoOctet: new RegExp(`^${ipv4Part}\\.${ipv4Part}$`, "i"),
			longValue: new RegExp(`^${ipv4Part}$`, "i")
		};
		const octalRegex = new RegExp(`^0[0-7]+$`, "i");
		const hexRegex = new RegExp(`^0x[a-f0-9]+$`, "i");
		const zoneIndex = "%[0-9a-z]{1,}";
		const ipv6Part = "(?:[0-9a-f]+::?)+";
		const ipv6Regexes = {
			zoneIndex: new RegExp(zoneIndex, "i"),
			"native": new RegExp(`^(::)?(${ipv6Part})?([0-9a-f]+)?(::)?(${zoneIndex})?$`, "i"),
			deprecatedTransitional: new RegExp(`^(?:::)(${ipv4Part}\\.${ipv4Part}\\.${ipv4Part}\\.${ipv4Part}(${zoneIndex})?)$`, "i"),
			transitional: new RegExp(`^((?:${ipv6Part})|(?:::)(?:${ipv6Part})?)${ipv4Part}\\.${ipv4Part}\\.${ipv4Part}\\.${ipv4Part}(${zoneIndex})?$`, "i")
		};
		function expandIPv6(string, parts) {
			if (string.indexOf("::") !== string.lastIndexOf("::")) return null;
			let colonCount = 0;
			let lastColon = -1;
			let zoneId = (string.match(ipv6Regexes.zoneIndex) || [])[0];
			let replacement, replacementCount;
			if (zoneId) {
				zoneId = zoneId.substring(1);
				string = string.replace(/%.+$/, "");
			}
			while ((lastColon = string.indexOf(":", lastColon + 1)) >= 0) colonCount++;
			if (string.substr(0, 2) === "::") colonCount--;
			if (string.substr(-2, 2) === "::") colonCount--;
			if (colonCount >= parts) return null;
			replacementCount = parts - colonCount;
			replacement = ":";
			while (replacementCount--) replacement += "0:";
			string = string.replace("::", replacement);
			if (string[0] === ":") string = string.slice(1);
			if (string[string.length - 1] === ":") string = string.slice(0, -1);
			parts = (function() {
				const ref = string.split(":");
				const results = [];
				for (let i = 0; i < ref.length; i++) results.push(ref[i].length > 4 ? NaN : parseInt(ref[i], 16));
				return results;
			})();
			return {
				parts,
				zoneId
			};
		}
		function matchCIDR(first, second, partSize, cidrBits) {
			if (first.length !== second.length) throw new Error("ipaddr: cannot match CIDR for objects with different lengths");
			let part = 0;
			let shift;
			while (cidrBits > 0) {
				shift = partSize - cidrBits;
				if (shift < 0) shift = 0;
				if (first[part] >> shift !== second[part] >> shift) return false;
				cidrBits -= partSize;
				part += 1;
			}
			return true;
		}
		function parseIntAuto(string) {
			if (hexRegex.test(string)) return parseInt(string, 16);
			if (string[0] === "0" && !isNaN(parseInt(string[1], 10))) {
				if (octalRegex.test(string)) return parseInt(string, 8);
				throw new Error(`ipaddr: cannot parse ${string} as octal`);
			}
			return parseInt(string, 10);
		}
		function padPart(part, length) {
			while (part.length < length) part = `0${part}`;
			return part;
		}
		const ipaddr = {};
		ipaddr.IPv4 = (function() {
			function IPv4(octets) {
				if (octets.length !== 4) throw new Error("ipaddr: ipv4 octet count should be 4");
				let i, octet;
				for (i = 0; i < octets.length; i++) {
					octet = octets[i];
					if (!(0 <= octet && octet <= 255)) throw new Error("ipaddr: ipv4 octet should fit in 8 bits");
				}
				this.octets = octets;
			}
			IPv4.prototype.SpecialRanges = {
				unspecified: [[new IPv4([
					0,
					0,
					0,
					0
				]), 8]],
				broadcast: [[new IPv4([
					255,
					255,
					255,
					255
				]), 32]],
				multicast: [[new IPv4([
					224,
					0,
					0,
					0
				]), 4]],
				linkLocal: [[new IPv4([
					169,
					254,
					0,
					0
				]), 16]],
				loopback: [[new IPv4([
					127,
					0,
					0,
					0
				]), 8]],
				carrierGradeNat: [[new IPv4([
					100,
					64,
					0,
					0
				]), 10]],
				"private": [
					[new IPv4([
						10,
						0,
						0,
						0
					]), 8],
					[new IPv4([
						172,
						16,
						0,
						0
					]), 12],
					[new IPv4([
						192,
						168,
						0,
						0
					]), 16]
				],
				reserved: [
					[new IPv4([
						192,
						0,
						0,
						0
					]), 24],
					[new IPv4([
						192,
						0,
						2,
						0
					]), 24],
					[new IPv4([
						192,
						88,
						99,
						0
					]), 24],
					[new IPv4([
						198,
						18,
						0,
						0
					]), 15],
					[new IPv4([
						198,
						51,
						100,
						0
					]), 24],
					[new IPv4([
						203,
						0,
						113,
						0
					]), 24],
					[new IPv4([
						240,
						0,
						0,
						0
					]), 4]
				],
				as112: [[new IPv4([
					192,
					175,
					48,
					0
				]), 24], [new IPv4([
					192,
					31,
					196,
					0
				]), 24]],
				amt: [[new IPv4([
					192,
					52,
					193,
					0
				]), 24]]
			};
			IPv4.prototype.kind = function() {
				return "ipv4";
			};
			IPv4.prototype.match = function(other, cidrRange) {
				let ref;
				if (cidrRange === void 0) {
					ref = other;
					other = ref[0];
					cidrRange = ref[1];
				}
				if (other.kind() !== "ipv4") throw new Error("ipaddr: cannot match ipv4 address with non-ipv4 one");
				return matchCIDR(this.octets, other.octets, 8, cidrRange);
			};
			IPv4.prototype.prefixLengthFromSubnetMask = function() {
				let cidr = 0;
				let stop = false;
				const zerotable = {
					0: 8,
					128: 7,
					192: 6,
					224: 5,
					240: 4,
					248: 3,
					252: 2,
					254: 1,
					255: 0
				};
				let i, octet, zeros;
				for (i = 3; i >= 0; i -= 1) {
					octet = this.octets[i];
					if (octet in zerotable) {
						zeros = zerotable[octet];
						if (stop && zeros !== 0) return null;
						if (zeros !== 8) stop = true;
						cidr += zeros;
					} else return null;
				}
				return 32 - cidr;
			};
			IPv4.prototype.range = function() {
				return ipaddr.subnetMatch(this, this.SpecialRanges);
			};
			IPv4.prototype.toByteArray = function() {
				return this.octets.slice(0);
			};
			IPv4.prototype.toIPv4MappedAddress = function() {
				return ipaddr.IPv6.parse(`::ffff:${this.toString()}`);
			};
			IPv4.prototype.toNormalizedString = function() {
				return this.toString();
			};
			IPv4.prototype.toString = function() {
				return this.octets.join(".");
			};
			return IPv4;
		})();
		ipaddr.IPv4.broadcastAddressFromCIDR = function(string) {
			try {
				const cidr = this.parseCIDR(string);
				const ipInterfaceOctets = cidr[0].toByteArray();
				const subnetMaskOctets = this.subnetMaskFromPrefixLength(cidr[1]).toByteArray();
				const octets = [];
				let i = 0;
				while (i < 4) {
					octets.push(parseInt(ipInterfaceOctets[i], 10) | parseInt(subnetMaskOctets[i], 10) ^ 255);
					i++;
				}
				return new this(octets);
			} catch (e) {
				throw new Error("ipaddr: the address does not have IPv4 CIDR format", { cause: e });
			}
		};
		ipaddr.IPv4.isIPv4 = function(string) {
			return this.parser(string) !== null;
		};
		ipaddr.IPv4.isValid = function(string) {
			try {
				new this(this.parser(string));
				return true;
			} catch {
				return false;
			}
		};
		ipaddr.IPv4.isValidCIDR = function(string) {
			try {
				this.parseCIDR(string);
				return true;
			} catch {
				return false;
			}
		};
		ipaddr.IPv4.isValidFourPartDecimal = function(string) {
			if (ipaddr.IPv4.isValid(string) && string.match(/^(0|[1-9]\d*)(\.(0|[1-9]\d*)){3}$/)) return true;
			else return false;
		};
		ipaddr.IPv4.isValidCIDRFourPartDecimal = function(string) {
			const match = string.match(/^(.+)\/(\d+)$/);
			if (!ipaddr.IPv4.isValidCIDR(string) || !match) return false;
			return ipaddr.IPv4.isValidFourPartDecimal(match[1]);
		};
		ipaddr.IPv4.networkAddressFromCIDR = function(string) {
			let cidr, i, ipInterfaceOctets, octets, subnetMaskOctets;
			try {
				cidr = this.parseCIDR(string);
				ipInterfaceOctets = cidr[0].toByteArray();
				subnetMaskOctets = this.subnetMaskFromPrefixLength(cidr[1]).toByteArray();
				octets = [];
				i = 0;
				while (i < 4) {
					octets.push(parseInt(ipInterfaceOctets[i], 10) & parseInt(subnetMaskOctets[i], 10));
					i++;
				}
				return new this(octets);
			} catch (e) {
				throw new Error("ipaddr: the address does not have IPv4 CIDR format", { cause: e });
			}
		};
		ipaddr.IPv4.parse = function(string) {
			const parts = this.parser(string);
			if (parts === null) throw new Error("ipaddr: string is not formatted like an IPv4 Address");
			return new this(parts);
		};
		ipaddr.IPv4.parseCIDR = function(string) {
			let match;
			if (match = string.match(/^(.+)\/(\d+)$/)) {
				const maskLength = parseInt(match[2]);
				if (maskLength >= 0 && maskLength <= 32) {
					const parsed = [this.parse(match[1]), maskLength];
					Object.defineProperty(parsed, "toString", { value: function() {
						return this.join("/");
					} });
					return parsed;
				}
			}
			throw new Error("ipaddr: string is not formatted like an IPv4 CIDR range");
		};
		ipaddr.IPv4.parser = function(string) {
			let match, part, value;
			if (match = string.match(ipv4Regexes.fourOctet)) return (function() {
				const ref = match.slice(1, 6);
				const results = [];
				for (let i = 0; i < ref.length; i++) {
					part = ref[i];
					results.push(parseIntAuto(part));
				}
				return results;
			})();
			else if (match = string.match(ipv4Regexes.longValue)) {
				value = parseIntAuto(match[1]);
				if (value > 4294967295 || value < 0) throw new Error("ipaddr: address outside defined range");
				return (function() {
					const results = [];
					let shift = 0;
					for (; shift <= 24; shift += 8) results.push(value >> shift & 255);
					return results;
				})().reverse();
			} else if (match = string.match(ipv4Regexes.twoOctet)) return (function() {
				const ref = match.slice(1, 4);
				const results = [];
				value = parseIntAuto(ref[1]);
				if (value > 16777215 || value < 0) throw new Error("ipaddr: address outside defined range");
				results.push(parseIntAuto(ref[0]));
				results.push(value >> 16 & 255);
				results.push(value >> 8 & 255);
				results.push(value & 255);
				return results;
			})();
			else if (match = string.match(ipv4Regexes.threeOctet)) return (function() {
				const ref = match.slice(1, 5);
				const results = [];
				value = parseIntAuto(ref[2]);
				if (value > 65535 || value < 0) throw new Error("ipaddr: address outside defined range");
				results.push(parseIntAuto(ref[0]));
				results.push(parseIntAuto(ref[1]));
				results.push(value >> 8 & 255);
				results.push(value & 255);
				return results;
			})();
			else return null;
		};
		ipaddr.IPv4.subnetMaskFromPrefixLength = function(prefix) {
			prefix = parseInt(prefix);
			if (Number.isNaN(prefix) || prefix < 0 || prefix > 32) throw new Error("ipaddr: invalid IPv4 prefix length");
			const octets = [
				0,
				0,
				0,
				0
			];
			let j = 0;
			const filledOctetCount = Math.floor(prefix / 8);
			while (j < filledOctetCount) {
				octets[j] = 255;
				j++;
			}
			if (filledOctetCount < 4) octets[filledOctetCount] = Math.pow(2, prefix % 8) - 1 << 8 - prefix % 8;
			return new this(octets);
		};
		ipaddr.IPv6 = (function() {
			function IPv6(parts, zoneId) {
				let i, part;
				if (parts.length === 16) {
					this.parts = [];
					for (i = 0; i <= 14; i += 2) this.parts.push(parts[i] << 8 | parts[i + 1]);
				} else if (parts.length === 8) this.parts = parts;
				else throw new Error("ipaddr: ipv6 part count should be 8 or 16");
				for (i = 0; i < this.parts.length; i++) {
					part = this.parts[i];
					if (!(0 <= part && part <= 65535)) throw new Error("ipaddr: ipv6 part should fit in 16 bits");
				}
				if (zoneId) this.zoneId = zoneId;
			}
			IPv6.prototype.SpecialRanges = {
				unspecified: [new IPv6([
					0,
					0,
					0,
					0,
					0,
					0,
					0,
					0
				]), 128],
				linkLocal: [new IPv6([
					65152,
					0,
					0,
					0,
					0,
					0,
					0,
					0
				]), 10],
				multicast: [new IPv6([
					65280,
					0,
					0,
					0,
					0,
					0,
					0,
					0
				]), 8],
				loopback: [new IPv6([
					0,
					0,
					0,
					0,
					0,
					0,
					0,
					1
				]), 128],
				uniqueLocal: [new IPv6([
					64512,
					0,
					0,
					0,
					0,
					0,
					0,
					0
				]), 7],
				ipv4Mapped: [new IPv6([
					0,
					0,
					0,
					0,
					0,
					65535,
					0,
					0
				]), 96],
				deprecatedSiteLocal: [new IPv6([
					65216,
					0,
					0,
					0,
					0,
					0,
					0,
					0
				]), 10],
				discard: [new IPv6([
					256,
					0,
					0,
					0,
					0,
					0,
					0,
					0
				]), 64],
				rfc6145: [new IPv6([
					0,
					0,
					0,
					0,
					65535,
					0,
					0,
					0
				]), 96],
				rfc6052: [[new IPv6([
					100,
					65435,
					0,
					0,
					0,
					0,
					0,
					0
				]), 96], [new IPv6([
					100,
					65435,
					1,
					0,
					0,
					0,
					0,
					0
				]), 48]],
				"6to4": [new IPv6([
					8194,
					0,
					0,
					0,
					0,
					0,
					0,
					0
				]), 16],
				teredo: [new IPv6([
					8193,
					0,
					0,
					0,
					0,
					0,
					0,
					0
				]), 32],
				benchmarking: [new IPv6([
					8193,
					2,
					0,
					0,
					0,
					0,
					0,
					0
				]), 48],
				amt: [new IPv6([
					8193,
					3,
					0,
					0,
					0,
					0,
					0,
					0
				]), 32],
				as112v6: [[new IPv6([
					8193,
					4,
					274,
					0,
					0,
					0,
					0,
					0
				]), 48], [new IPv6([
					9760,
					79,
					32768,
					0,
					0,
					0,
					0,
					0
				]), 48]],
				deprecatedOrchid: [new IPv6([
					8193,
					16,
					0,
					0,
					0,
					0,
					0,
					0
				]), 28],
				orchid2: [new IPv6([
					8193,
					32,
					0,
					0,
					0,
					0,
					0,
					0
				]), 28],
				droneRemoteIdProtocolEntityTags: [new IPv6([
					8193,
					48,
					0,
					0,
					0,
					0,
					0,
					0
				]), 28],
				segmentRouting: [new IPv6([
					24320,
					0,
					0,
					0,
					0,
					0,
					0,
					0
				]), 16],
				reserved: [
					[new IPv6([
						8193,
						0,
						0,
						0,
						0,
						0,
						0,
						0
					]), 23],
					[new IPv6([
						8193,
						3512,
						0,
						0,
						0,
						0,
						0,
						0
					]), 32],
					[new IPv6([
						16383,
						0,
						0,
						0,
						0,
						0,
						0,
						0
					]), 20]
				]
			};
			IPv6.prototype.isIPv4MappedAddress = function() {
				return this.range() === "ipv4Mapped";
			};
			IPv6.prototype.kind = function() {
				return "ipv6";
			};
			IPv6.prototype.match = function(other, cidrRange) {
				let ref;
				if (cidrRange === void 0) {
					ref = other;
					other = ref[0];
					cidrRange = ref[1];
				}
				if (other.kind() !== "ipv6") throw new Error("ipaddr: cannot match ipv6 address with non-ipv6 one");
				return matchCIDR(this.parts, other.parts, 16, cidrRange);
			};
			IPv6.prototype.prefixLengthFromSubnetMask = function() {
				let cidr = 0;
				let stop = false;
				const zerotable = {
					0: 16,
					32768: 15,
					49152: 14,
					57344: 13,
					61440: 12,
					63488: 11,
					64512: 10,
					65024: 9,
					65280: 8,
					65408: 7,
					65472: 6,
					65504: 5,
					65520: 4,
					65528: 3,
					65532: 2,
					65534: 1,
					65535: 0
				};
				let part, zeros;
				for (let i = 7; i >= 0; i -= 1) {
					part = this.parts[i];
					if (part in zerotable) {
						zeros = zerotable[part];
						if (stop && zeros !== 0) return null;
						if (zeros !== 16) stop = true;
						cidr += zeros;
					} else return null;
				}
				return 128 - cidr;
			};
			IPv6.prototype.range = function() {
				return ipaddr.subnetMatch(this, this.SpecialRanges);
			};
			IPv6.prototype.toByteArray = function() {
				let part;
				const bytes = [];
				const ref = this.parts;
				for (let i = 0; i < ref.length; i++) {
					part = ref[i];
					bytes.push(part >> 8);
					bytes.push(part & 255);
				}
				return bytes;
			};
			IPv6.prototype.toFixedLengthString = function() {
				const addr = (function() {
					const results = [];
					for (let i = 0; i < this.parts.length; i++) results.push(padPart(this.parts[i].toString(16), 4));
					return results;
				}).call(this).join(":");
				let suffix = "";
				if (this.zoneId) suffix = `%${this.zoneId}`;
				return addr + suffix;
			};
			IPv6.prototype.toIPv4Address = function() {
				if (!this.isIPv4MappedAddress()) throw new Error("ipaddr: trying to convert a generic ipv6 address to ipv4");
				const ref = this.parts.slice(-2);
				const high = ref[0];
				const low = ref[1];
				return new ipaddr.IPv4([
					high >> 8,
					high & 255,
					low >> 8,
					low & 255
				]);
			};
			IPv6.prototype.toNormalizedString = function() {
				const addr = (function() {
					const results = [];
					for (let i = 0; i < this.parts.length; i++) results.push(this.parts[i].toString(16));
					return results;
				}).call(this).join(":");
				let suffix = "";
				if (this.zoneId) suffix = `%${this.zoneId}`;
				return addr + suffix;
			};
			IPv6.prototype.toRFC5952String = function() {
				const regex = /((^|:)(0(:|$)){2,})/g;
				let suffix = "";
				if (this.zoneId) suffix = `%${this.zoneId}`;
				const normalized = this.toNormalizedString();
				const string = normalized.slice(0, normalized.length - suffix.length);
				let bestMatchIndex = 0;
				let bestMatchLength = -1;
				let bestMatchGroups = -1;
				let match;
				while (match = regex.exec(string)) {
					const groups = (match[0].match(/0/g) || []).length;
					if (groups > bestMatchGroups) {
						bestMatchGroups = groups;
						bestMatchIndex = match.index;
						bestMatchLength = match[0].length;
					}
				}
				if (bestMatchLength < 0) return string + suffix;
				return `${string.substring(0, bestMatchIndex)}::${string.substring(bestMatchIndex + bestMatchLength)}${suffix}`;
			};
			IPv6.prototype.toString = function() {
				return this.toRFC5952String();
			};
			return IPv6;
		})();
		ipaddr.IPv6.broadcastAddressFromCIDR = function(string) {
			try {
				const cidr = this.parseCIDR(string);
				const ipInterfaceOctets = cidr[0].toByteArray();
				const subnetMaskOctets = this.subnetMaskFromPrefixLength(cidr[1]).toByteArray();
				const octets = [];
				let i = 0;
				while (i < 16) {
					octets.push(parseInt(ipInterfaceOctets[i], 10) | parseInt(subnetMaskOctets[i], 10) ^ 255);
					i++;
				}
				return new this(octets);
			} catch (e) {
				throw new Error("ipaddr: the address does not have IPv6 CIDR format", { cause: e });
			}
		};
		ipaddr.IPv6.isIPv6 = function(string) {
			return this.parser(string) !== null;
		};
		ipaddr.IPv6.isValid = function(string) {
			if (typeof string === "string" && string.indexOf(":") === -1) return false;
			try {
				const addr = this.parser(string);
				new this(addr.parts, addr.zoneId);
				return true;
			} catch {
				return false;
			}
		};
		ipaddr.IPv6.isValidCIDR = function(string) {
			if (typeof string === "string" && string.indexOf(":") === -1) return false;
			try {
				this.parseCIDR(string);
				return true;
			} catch {
				return false;
			}
		};
		ipaddr.IPv6.networkAddressFromCIDR = function(string) {
			let cidr, i, ipInterfaceOctets, octets, subnetMaskOctets;
			try {
				cidr = this.parseCIDR(string);
				ipInterfaceOctets = cidr[0].toByteArray();
				subnetMaskOctets = this.subnetMaskFromPrefixLength(cidr[1]).toByteArray();
				octets = [];
				i = 0;
				while (i < 16) {
					octets.push(parseInt(ipInterfaceOctets[i], 10) & parseInt(subnetMaskOctets[i], 10));
					i++;
				}
				return new this(octets);
			} catch (e) {
				throw new Error("ipaddr: the address does not have IPv6 CIDR format", { cause: e });
			}
		};
		ipaddr.IPv6.parse = function(string) {
			const addr = this.parser(string);
			if (addr === null) throw new Error("ipaddr: string is not formatted like an IPv6 Address");
			return new this(addr.parts, addr.zoneId);
		};
		ipaddr.IPv6.parseCIDR = function(string) {
			let maskLength, match, parsed;
			if (match = string.match(/^(.+)\/(\d+)$/)) {
				maskLength = parseInt(match[2]);
				if (maskLength >= 0 && maskLength <= 128) {
					parsed = [this.parse(match[1]), maskLength];
					Object.defineProperty(parsed, "toString", { value: function() {
						return this.join("/");
					} });
					return parsed;
				}
			}
			throw new Error("ipaddr: string is not formatted like an IPv6 CIDR range");
		};
		ipaddr.IPv6.parser = function(string) {
			let addr, i, match, octet, octets, zoneId;
			if (match = string.match(ipv6Regexes.deprecatedTransitional)) return this.parser(`::ffff:${match[1]}`);
			if (ipv6Regexes.native.test(string)) return expandIPv6(string, 8);
			if (match = string.match(ipv6Regexes.transitional)) {
				zoneId = match[6] || "";
				addr = match[1];
				if (!match[1].endsWith("::")) addr = addr.slice(0, -1);
				addr = expandIPv6(addr + zoneId, 6);
				if (addr && addr.parts) {
					octets = [
						parseInt(match[2]),
						parseInt(match[3]),
						parseInt(match[4]),
						parseInt(match[5])
					];
					for (i = 0; i < octets.length; i++) {
						octet = octets[i];
						if (!(0 <= octet && octet <= 255)) return null;
					}
					addr.parts.push(octets[0] << 8 | octets[1]);
					addr.parts.push(octets[2] << 8 | octets[3]);
					return {
						parts: addr.parts,
						zoneId: addr.zoneId
					};
				}
			}
			return null;
		};
		ipaddr.IPv6.subnetMaskFromPrefixLength = function(prefix) {
			prefix = parseInt(prefix);
			if (Number.isNaN(prefix) || prefix < 0 || prefix > 128) throw new Error("ipaddr: invalid IPv6 prefix length");
			const octets = [
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0
			];
			let j = 0;
			const filledOctetCount = Math.floor(prefix / 8);
			while (j < filledOctetCount) {
				octets[j] = 255;
				j++;
			}
			if (filledOctetCount < 16) octets[filledOctetCount] = Math.pow(2, prefix % 8) - 1 << 8 - prefix % 8;
			return new this(octets);
		};
		ipaddr.fromByteArray = function(bytes) {
			const length = bytes.length;
			if (length === 4) return new ipaddr.IPv4(bytes);
			else if (length === 16) return new ipaddr.IPv6(bytes);
			else throw new Error("ipaddr: the binary input is neither an IPv6 nor IPv4 address");
		};
		ipaddr.isValid = function(string) {
			return ipaddr.IPv6.isValid(string) || ipaddr.IPv4.isValid(string);
		};
		ipaddr.isValidCIDR = function(string) {
			return ipaddr.IPv6.isValidCIDR(string) || ipaddr.IPv4.isValidCIDR(string);
		};
		ipaddr.parse = function(string) {
			if (ipaddr.IPv6.isValid(string)) return ipaddr.IPv6.parse(string);
			else if (ipaddr.IPv4.isValid(string)) return ipaddr.IPv4.parse(string);
			else throw new Error("ipaddr: the address has neither IPv6 nor IPv4 format");
		};
		ipaddr.parseCIDR = function(string) {
			try {
				return ipaddr.IPv6.parseCIDR(string);
			} catch {
				try {
					return ipaddr.IPv4.parseCIDR(string);
				} catch (e) {
					throw new Error("ipaddr: the address has neither IPv6 nor IPv4 CIDR format", { cause: e });
				}
			}
		};
		ipaddr.process = function(string) {
			const addr = this.parse(string);
			if (addr.kind() === "ipv6" && addr.isIPv4MappedAddress()) return addr.toIPv4Address();
			else return addr;
		};
		ipaddr.subnetMatch = function(address, rangeList, defaultName) {
			let i, rangeName, rangeSubnets, subnet;
			if (defaultName === void 0 || defaultName === null) defaultName = "unicast";
			for (rangeName in rangeList) if (Object.prototype.hasOwnProperty.call(rangeList, rangeName)) {
				rangeSubnets = rangeList[rangeName];
				if (rangeSubnets[0] && !(rangeSubnets[0] instanceof Array)) rangeSubnets = [rangeSubnets];
				for (i = 0; i < rangeSubnets.length; i++) {
					subnet = rangeSubnets[i];
					if (address.kind() === subnet[0].kind() && address.match.apply(address, subnet)) return rangeName;
				}
			}
			return defaultName;
		};
		if (typeof module !== "undefined" && module.exports) module.exports = ipaddr;
		else root.ipaddr = ipaddr;
	})(this$1);
}));

// packages/core/dist/cidr.js
var import_ipaddr = /* @__PURE__ */ __toESM(require_ipaddr(), 1);
const addressBits = (family) => family === 4 ? 32 : 128;
/**
* Reads an address. IPv4 takes four decimal parts and nothing else: `010.1.1.1` (octal to some, decimal to others)
* and `10.1` are no addresses. IPv6 zones (`fe80::1%eth0`) are refused. Returns undefined for what is no address.
*/
function parseAddress(text) {
	const ipv4 = parseFourPartDecimal(text);
	if (ipv4 !== void 0) return {
		family: 4,
		value: BigInt(ipv4)
	};
	if (!text.includes(":") || text.includes("%") || !import_ipaddr.default.IPv6.isValid(text)) return void 0;
	return {
		family: 6,
		value: toBigInt(import_ipaddr.default.IPv6.parse(text).toByteArray())
	};
}
/** Reads `address/length`; host bits may be set and are cleared. Returns undefined for what is no CIDR. */
function parseCidr(text) {
	const slash = text.indexOf("/");
	if (slash < 0) return void 0;
	const address = parseAddress(text.slice(0, slash));
	const lengthText = text.slice(slash + 1);
	if (address === void 0 || !/^(0|[1-9]\d{0,2})$/.test(lengthText)) return void 0;
	const length = Number(lengthText);
	if (length > addressBits(address.family)) return void 0;
	return cidrOf(address, length);
}
/** The network of `length` that holds `address`. */
function cidrOf(address, length) {
	const hostBits = BigInt(addressBits(address.family) - length);
	return {
		family: address.family,
		base: address.value >> hostBits << hostBits,
		length
	};
}
/** The address as text: dotted for IPv4, as RFC 5952 says for IPv6. */
function formatAddress({ family, value }) {
	return family === 4 ? formatFourParts(Number(value)) : import_ipaddr.default.fromByteArray(toBytes(value)).toString();
}
/** The network as `base/length`. */
function formatCidr({ family, base, length }) {
	return `${formatAddress({
		family,
		value: base
	})}/${length}`;
}
/** The address in the one form that selvedge compares; throws a TypeError for what is no address. */
function canonicalAddress(text) {
	if (parseFourPartDecimal(text) !== void 0) return text;
	const address = parseAddress(text);
	if (address === void 0) throw new TypeError(`'${text}' is not an IP address`);
	return formatAddress(address);
}
/** The network in the one form that selvedge compares, host bits cleared; throws a TypeError for what is no CIDR. */
function canonicalCidr(text) {
	return formatCidr(requireCidr(text));
}
/** Reads a CIDR that the caller knows to be one; throws a TypeError otherwise. */
function requireCidr(text) {
	const cidr = parseCidr(text);
	if (cidr === void 0) throw new TypeError(`'${text}' is not a CIDR such as 10.244.0.0/16 or fd00::/48`);
	return cidr;
}
/** 4 or 6, judged by the text alone. */
const familyOf = (text) => text.includes(":") ? 6 : 4;
/** The base address of a subnet as text: `10.5.52.0` of `10.5.52.0/24`. */
function baseAddress(cidr) {
	const { family, base } = requireCidr(cidr);
	return formatAddress({
		family,
		value: base
	});
}
/** The address `offset` above the base of a subnet as text: `10.5.52.1` of `10.5.52.0/24` with offset 1. */
function addressAt(cidr, offset) {
	const { family, base } = requireCidr(cidr);
	return formatAddress({
		family,
		value: base + offset
	});
}
function lastAddress({ family, base, length }) {
	return base + (1n << BigInt(addressBits(family) - length)) - 1n;
}
/** True where `inner` lies wholly inside `outer`. */
function contains(outer, inner) {
	return outer.family === inner.family && outer.length <= inner.length && inner.base >= outer.base && inner.base <= lastAddress(outer);
}
/** True where `network` (a CIDR as text) holds `address` (as text). */
function containsAddress(network, address) {
	const outer = requireCidr(network);
	const inner = parseAddress(address);
	return inner !== void 0 && contains(outer, cidrOf(inner, addressBits(inner.family)));
}
/** True where the two share an address. */
function overlaps(a, b) {
	return contains(a, b) || contains(b, a);
}
const DOT = 46;
const ZERO = 48;
/**
* The one strict form of IPv4, as a number. ipaddr.js also reads octal, hexadecimal and short forms, and takes many
* times as long over it, which is felt with tens of thousands of leases; it is left to read IPv6.
*/
function parseFourPartDecimal(text) {
	let value = 0;
	let part = -1;
	let dots = 0;
	for (let index = 0; index < text.length; index += 1) {
		const code = text.charCodeAt(index);
		const digit = code - ZERO;
		if (code === DOT && part >= 0) {
			value = value * 256 + part;
			part = -1;
			dots += 1;
		} else if (digit >= 0 && digit <= 9 && part !== 0) {
			part = part < 0 ? digit : part * 10 + digit;
			if (part > 255) return void 0;
		} else return;
	}
	return dots === 3 && part >= 0 ? value * 256 + part : void 0;
}
function formatFourParts(value) {
	return `${value >>> 24}.${value >>> 16 & 255}.${value >>> 8 & 255}.${value & 255}`;
}
function toBigInt(bytes) {
	let value = 0n;
	for (const byte of bytes) value = value << 8n | BigInt(byte);
	return value;
}
function toBytes(value) {
	const bytes = new Array(16);
	for (let index = 15, rest = value; index >= 0; index -= 1, rest >>= 8n) bytes[index] = Number(rest & 255n);
	return bytes;
}

// packages/core/dist/lease.js
/** How flannel writes "no IPv4 subnet" where IPv4 is off. */
const NO_IPV4 = "0.0.0.0-0";
/** flannel's pattern for a lease's key; the dots left bare in it are bare in flannel too. */
const LEASE_KEY = /^(\d+\.\d+\.\d+\.\d+)-(\d+)(?:&([a-f\d:.]+)-(\d+))?$/;
/**
* The key of a lease, as flannel writes it below `<prefix>/subnets/`: `10.5.52.0-24`, or in a dual-stack network
* `10.5.52.0-24&2001:cafe:42:1::-64`.
*/
function leaseKey({ subnet, ipv6Subnet }) {
	if (subnet === void 0 && ipv6Subnet === void 0) throw new TypeError("a lease without a subnet has no key");
	const ipv4 = subnet?.replace("/", "-") ?? NO_IPV4;
	return ipv6Subnet === void 0 ? ipv4 : `${ipv4}&${ipv6Subnet.replace("/", "-")}`;
}
/**
* Reads a lease's key. Returns undefined for a key that names no subnet. One with host bits set (`10.5.52.7-24`) names
* its subnet, but is no lease's: see `decodeLease`.
*/
function parseLeaseKey(key) {
	const match = LEASE_KEY.exec(key);
	if (match === null) return void 0;
	const [, ipv4 = "", ipv4Length = "", ipv6, ipv6Length = ""] = match;
	const v4 = parseCidr(`${ipv4}/${ipv4Length}`);
	const v6 = ipv6 === void 0 ? void 0 : parseCidr(`${ipv6}/${ipv6Length}`);
	if (v4 === void 0 || ipv6 !== void 0 && v6?.family !== 6) return void 0;
	const subnet = `${ipv4}-${ipv4Length}` === NO_IPV4 ? void 0 : formatCidr(v4);
	if (subnet === void 0 && v6 === void 0) return void 0;
	return {
		subnet,
		ipv6Subnet: v6 === void 0 ? void 0 : formatCidr(v6)
	};
}
/** A lease's value as flannel writes it, byte for byte: fields in Go's order, empty ones left out as Go does. */
function encodeLeaseAttributes(attributes) {
	const { publicIp, publicIpv6, backendType, backendData, backendV6Data } = attributes;
	return JSON.stringify({
		PublicIP: publicIp ?? "0.0.0.0",
		PublicIPv6: publicIpv6 ?? null,
		BackendType: backendType || void 0,
		BackendData: backendData ?? void 0,
		BackendV6Data: backendV6Data ?? void 0
	});
}
/**
* Reads a lease's value. Unknown fields are let be, as Go does. Throws a SyntaxError that says what is wrong where
* the text is no lease.
*/
function decodeLeaseAttributes(text) {
	const value = JSON.parse(text);
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw new SyntaxError("a lease is a JSON object");
	const field = (name) => Reflect.get(value, name) ?? void 0;
	const publicIp = readAddress("PublicIP", field("PublicIP"), 4);
	const publicIpv6 = readAddress("PublicIPv6", field("PublicIPv6"), 6);
	const backendType = field("BackendType");
	if (backendType !== void 0 && typeof backendType !== "string") throw new SyntaxError(`BackendType is ${JSON.stringify(backendType)}, not a string`);
	return {
		publicIp: publicIp === "0.0.0.0" ? void 0 : publicIp,
		publicIpv6: publicIpv6 === "::" ? void 0 : publicIpv6,
		backendType: backendType === "" ? void 0 : backendType,
		backendData: field("BackendData"),
		backendV6Data: field("BackendV6Data")
	};
}
function readAddress(name, value, family) {
	if (value === void 0 || value === "") return void 0;
	const address = typeof value === "string" ? parseAddress(value) : void 0;
	if (address?.family !== family) throw new SyntaxError(`${name} is ${JSON.stringify(value)}, not an IPv${family} address`);
	return formatAddress(address);
}
/** True where two leases say the same to their peers: same subnets, same attributes. Expiry is the owner's affair. */
function sameLease(a, b) {
	return leaseKey(a) === leaseKey(b) && encodeLeaseAttributes(a.attributes) === encodeLeaseAttributes(b.attributes);
}
/**
* True where both were published by one node: by its public IPv4 address, and by its public IPv6 address where
* neither has one of IPv4.
*/
function sameNode(a, b) {
	if (a.publicIp !== void 0 || b.publicIp !== void 0) return a.publicIp === b.publicIp;
	return a.publicIpv6 !== void 0 && a.publicIpv6 === b.publicIpv6;
}
/** True where the two share an address in either family. */
function leasesOverlap(a, b) {
	return subnetsOverlap(a.subnet, b.subnet) || subnetsOverlap(a.ipv6Subnet, b.ipv6Subnet);
}
function subnetsOverlap(a, b) {
	if (a === void 0 || b === void 0) return false;
	if (a.slice(a.indexOf("/")) === b.slice(b.indexOf("/"))) return a === b;
	return overlaps(requireCidr(a), requireCidr(b));
}

// packages/core/dist/subnet-pool.js
/**
* Which subnets of one family's network are taken. Subnets are numbered from `subnetMin` (0) to `subnetMax`.
*
* Leases that lie side by side merge into one run, so that a free subnet is found by binary search however full the
* network is; and a run counts who overlaps it, so that giving back one of two overlapping leases (someone wrote a
* longer or a shorter prefix by hand) does not free what the other still holds. Numbers are bigints: an IPv6 network
* may hold more subnets than a double can count.
*/
var SubnetPool = class {
	network;
	/** How many subnets there are to lease. */
	size;
	#min;
	/** log2 of how many addresses a subnet holds. */
	#hostBits;
	/** Sorted; before the first step, and after the last one, nothing is taken. */
	#steps = [];
	constructor(network) {
		this.network = network;
		this.#min = requireAddress(network.subnetMin);
		this.#hostBits = BigInt(addressBits(this.#min.family) - network.subnetLength);
		this.size = this.#numberOf(requireAddress(network.subnetMax).value) + 1n;
	}
	/** True where `subnet` is one of those to lease: inside the range, on a boundary, of the right length. */
	fits(subnet) {
		const cidr = requireCidr(subnet);
		if (cidr.family !== this.#min.family || cidr.length !== this.network.subnetLength) return false;
		const number = this.#numberOf(cidr.base);
		return number >= 0n && number < this.size;
	}
	/** True where anything that was taken overlaps `subnet`. */
	has(subnet) {
		const range = this.#rangeOf(subnet);
		if (range === void 0) return false;
		const index = this.#stepAt(range.from);
		if (this.#holders(index) > 0) return true;
		const taken = this.#steps[index + 1];
		return taken !== void 0 && taken.from < range.until;
	}
	/** Takes every subnet that `subnet` overlaps. One outside the range, or of any other length, is welcome. */
	take(subnet) {
		this.#count(subnet, 1);
	}
	/** Gives back what one `take` of the same subnet took. */
	release(subnet) {
		this.#count(subnet, -1);
	}
	/** The first free subnet from number `start` (modulo the size) on, around the end; undefined where all are taken. */
	find(start) {
		const number = this.#firstFree(start % this.size) ?? this.#firstFree(0n);
		if (number === void 0) return void 0;
		const value = this.#min.value + (number << this.#hostBits);
		return `${formatAddress({
			family: this.#min.family,
			value
		})}/${this.network.subnetLength}`;
	}
	/** Rounds down: -1n is the subnet below the first one. */
	#numberOf(address) {
		return address - this.#min.value >> this.#hostBits;
	}
	/** The numbers [from, until) that `subnet` overlaps, or undefined where there are none. */
	#rangeOf(subnet) {
		const cidr = requireCidr(subnet);
		if (cidr.family !== this.#min.family) return void 0;
		const first = this.#numberOf(cidr.base);
		const last = this.#numberOf(lastAddress(cidr));
		const from = first < 0n ? 0n : first;
		const until = last < this.size ? last + 1n : this.size;
		return from < until ? {
			from,
			until
		} : void 0;
	}
	#firstFree(from) {
		let index = this.#stepAt(from);
		if (this.#holders(index) === 0) return from;
		do
			index += 1;
		while (this.#holders(index) > 0);
		const free = this.#steps[index]?.from;
		return free !== void 0 && free < this.size ? free : void 0;
	}
	#count(subnet, change) {
		const range = this.#rangeOf(subnet);
		if (range === void 0) return;
		const first = this.#split(range.from);
		const end = this.#split(range.until);
		const steps = this.#steps.slice(first, end);
		const known = steps.every((step) => step.holders + change >= 0);
		if (known) for (const step of steps) step.holders += change;
		this.#merge(end);
		this.#merge(first);
		if (!known) throw new TypeError(`${subnet} was given back but never taken`);
	}
	/** Makes a step begin at `from`; returns its index. */
	#split(from) {
		const index = this.#stepAt(from);
		const step = this.#steps[index];
		if (step?.from === from) return index;
		this.#steps.splice(index + 1, 0, {
			from,
			holders: step?.holders ?? 0
		});
		return index + 1;
	}
	/** Drops the step at `index` where it says what the one before it says. */
	#merge(index) {
		if (this.#holders(index) === this.#holders(index - 1)) this.#steps.splice(index, 1);
	}
	/** How many leases overlap the subnets of the step at `index`; none before the first step. */
	#holders(index) {
		return this.#steps[index]?.holders ?? 0;
	}
	/** Index of the last step that begins at or before `from`; -1 where there is none. */
	#stepAt(from) {
		let low = 0;
		let high = this.#steps.length;
		while (low < high) {
			const middle = low + high >>> 1;
			const step = this.#steps[middle];
			if (step !== void 0 && step.from <= from) low = middle + 1;
			else high = middle;
		}
		return low - 1;
	}
};
function requireAddress(text) {
	const address = parseAddress(text);
	if (address === void 0) throw new TypeError(`'${text}' is not an IP address`);
	return address;
}

// packages/core/dist/choose-subnet.js
/**
* Which subnet a node gets: the one place where that is decided, for every store that hands out subnets itself.
*
* 1. Its own lease, found by its public address, where that fits the network; a reservation before any other.
* 2. The subnet that its given-up lease or `request.previous` names, family by family, where it fits and is free.
* 3. The first free one from a start that a hash of its address gives: a node tends to the same subnet, and nodes
*    that join at once tend to different ones.
*
* No subnet of a new lease overlaps one of any other lease, in either family. Throws an OverlayError
* `SUBNETS_EXHAUSTED` where none is free, and a TypeError for a request without a public address.
*/
function chooseSubnets({ config, leases, request, leased }) {
	const address = request.attributes.publicIp ?? request.attributes.publicIpv6;
	if (address === void 0) throw new TypeError("a lease is asked for with a public address");
	const everyone = leased ?? new LeasedSubnets(config, leases);
	const own = leases.filter((lease) => sameNode(lease.attributes, request.attributes));
	const fitting = own.filter((lease) => everyone.fits(lease));
	const givenUp = own.filter((lease) => !everyone.fits(lease));
	const kept = fitting.find((lease) => lease.expiresAt === void 0) ?? fitting[0];
	if (kept !== void 0) {
		const attributes = request.adopt?.(kept) ?? request.attributes;
		return {
			subnets: {
				subnet: kept.subnet,
				ipv6Subnet: kept.ipv6Subnet
			},
			attributes,
			kept,
			givenUp
		};
	}
	const [former] = givenUp;
	const attributes = (former === void 0 ? void 0 : request.adopt?.(former)) ?? request.attributes;
	const others = givenUp.length === 0 ? everyone : new LeasedSubnets(config, without$1(leases, givenUp));
	const wanted = [...givenUp, request.previous ?? {}];
	return {
		subnets: others.choose(wanted, fnv1a(address)),
		attributes,
		givenUp
	};
}
const without$1 = (leases, gone) => leases.filter((lease) => !gone.includes(lease));
/** The subnets of a set of leases, family by family. */
var LeasedSubnets = class {
	#ipv4;
	#ipv6;
	constructor({ ipv4, ipv6 }, leases = []) {
		this.#ipv4 = ipv4 && new SubnetPool(ipv4);
		this.#ipv6 = ipv6 && new SubnetPool(ipv6);
		for (const lease of leases) this.take(lease);
	}
	take({ subnet, ipv6Subnet }) {
		if (subnet !== void 0) this.#ipv4?.take(subnet);
		if (ipv6Subnet !== void 0) this.#ipv6?.take(ipv6Subnet);
	}
	release({ subnet, ipv6Subnet }) {
		if (subnet !== void 0) this.#ipv4?.release(subnet);
		if (ipv6Subnet !== void 0) this.#ipv6?.release(ipv6Subnet);
	}
	/** True where any of them overlaps one of `subnets`. */
	has({ subnet, ipv6Subnet }) {
		return subnet !== void 0 && this.#ipv4?.has(subnet) === true || ipv6Subnet !== void 0 && this.#ipv6?.has(ipv6Subnet) === true;
	}
	/** True for a subnet of the network, and of the right length, in each family that is on and in no other. */
	fits({ subnet, ipv6Subnet }) {
		return familyFits(this.#ipv4, subnet) && familyFits(this.#ipv6, ipv6Subnet);
	}
	/** A free subnet of each family: the first `wanted` one that fits and is free, else the first free from `start`. */
	choose(wanted, start) {
		const ipv4 = wanted.map(({ subnet }) => subnet);
		const ipv6 = wanted.map(({ ipv6Subnet }) => ipv6Subnet);
		return {
			subnet: this.#ipv4 && chooseFree(this.#ipv4, ipv4, start),
			ipv6Subnet: this.#ipv6 && chooseFree(this.#ipv6, ipv6, start)
		};
	}
};
function familyFits(pool, subnet) {
	return pool === void 0 ? subnet === void 0 : subnet !== void 0 && pool.fits(subnet);
}
function chooseFree(pool, wanted, start) {
	for (const subnet of wanted) if (subnet !== void 0 && pool.fits(subnet) && !pool.has(subnet)) return subnet;
	const free = pool.find(start);
	if (free !== void 0) return free;
	const { network, subnetLength, subnetMin, subnetMax } = pool.network;
	throw new OverlayError("SUBNETS_EXHAUSTED", `leasing a subnet of ${network}: all ${pool.size} subnets of /${subnetLength} from ${subnetMin} to ${subnetMax} are taken; widen the network in its config, or release leases of nodes that are gone`);
}
/** The FNV-1a hash of 32 bits: spreads addresses that differ in their last digit only. */
function fnv1a(text) {
	let hash = 2166136261;
	for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 16777619);
	return BigInt(hash >>> 0);
}

// packages/core/dist/clock.js
/** Node's `setTimeout` fires at once for anything longer (a signed 32-bit count of milliseconds). */
const LONGEST_TIMER = 2 ** 31 - 1;
const systemClock = {
	now: () => Date.now(),
	monotonic: () => performance.now(),
	sleep(milliseconds, { signal } = {}) {
		return new Promise((resolve, reject) => {
			if (signal?.aborted) return reject(signal.reason);
			let timer;
			const wait = (left) => {
				const step = Math.min(Math.max(0, left), LONGEST_TIMER);
				timer = setTimeout(() => left > step ? wait(left - step) : wake(), step);
			};
			const wake = () => {
				signal?.removeEventListener("abort", onAbort);
				resolve();
			};
			const onAbort = () => {
				clearTimeout(timer);
				reject(signal?.reason);
			};
			signal?.addEventListener("abort", onAbort, { once: true });
			wait(milliseconds);
		});
	}
};

// packages/core/dist/fields.js
/** A whole number from `least` to `most`. */
function integerField(least, most, fallback) {
	return {
		rule: `must be a whole number from ${least} to ${most}`,
		fallback,
		accepts: (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most
	};
}
function booleanField(fallback) {
	return {
		rule: "must be true or false",
		fallback,
		accepts: (value) => typeof value === "boolean"
	};
}
/** Text; absent where it is not given. What it must look like is the reader's to say. */
function textField() {
	return {
		rule: "must be text",
		fallback: void 0,
		accepts: (value) => typeof value === "string"
	};
}
function objectField() {
	return {
		rule: "must be an object",
		fallback: void 0,
		accepts: isJsonObject
	};
}
/**
* Reads an object as Go's encoding/json does: keys match without regard to case, the last of several spellings
* counts, and `null` counts as absent. For the network config, a backend's settings in it, and what peers publish.
* Throws an OverlayError that names the key, its value and the rule.
*
* @param where what the object is, for messages: `the vxlan settings`
* @param code of the error; `INVALID_LEASE` where it is a peer's data that is read
*/
function readFields(table, source, where, code = "INVALID_CONFIG") {
	const names = new Map(Object.keys(table).map((name) => [name.toLowerCase(), name]));
	const values = {};
	for (const [name, field] of Object.entries(table)) values[name] = field.fallback;
	const unknownKeys = [];
	for (const [key, value] of Object.entries(source)) {
		const name = names.get(key.toLowerCase());
		const field = name === void 0 ? void 0 : table[name];
		if (name === void 0 || field === void 0) unknownKeys.push(key);
		else if (value !== null && value !== void 0) {
			if (!field.accepts(value)) throw invalidField(key, value, field.rule, where, code);
			values[name] = value;
		}
	}
	return {
		values,
		unknownKeys
	};
}
/** The error for a key whose value breaks a rule. */
function invalidField(key, value, rule, where, code = "INVALID_CONFIG") {
	const shown = value === void 0 ? "" : ` is ${JSON.stringify(value)}, but`;
	return new OverlayError(code, `in ${where}, ${key}${shown} ${rule}`);
}
/** A sentence for each key that means nothing: probably mistyped, and nobody would know. */
function unknownKeyWarnings(unknownKeys, table, where) {
	const known = Object.keys(table).join(", ") || "none";
	return unknownKeys.map((key) => `in ${where}, the key ${key} means nothing; known keys: ${known}`);
}
function isJsonObject(value) {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

// packages/core/dist/config.js
const IPV4 = {
	family: 4,
	keys: {
		network: "Network",
		length: "SubnetLen",
		min: "SubnetMin",
		max: "SubnetMax"
	},
	usualLength: 24,
	usualUpTo: 22,
	longestSubnet: 30,
	longestNetwork: 28
};
const IPV6 = {
	family: 6,
	keys: {
		network: "IPv6Network",
		length: "IPv6SubnetLen",
		min: "IPv6SubnetMin",
		max: "IPv6SubnetMax"
	},
	usualLength: 64,
	usualUpTo: 62,
	longestSubnet: 126,
	longestNetwork: 124
};
/** A network holds at least 2² subnets: the first is left out, and one alone is no overlay. */
const SPARE_BITS = 2;
const WHERE = "the network config";
const fields = {
	Network: textField(),
	IPv6Network: textField(),
	EnableIPv4: booleanField(true),
	EnableIPv6: booleanField(false),
	EnableNFTables: booleanField(false),
	SubnetLen: integerField(0, 32, 0),
	SubnetMin: textField(),
	SubnetMax: textField(),
	IPv6SubnetLen: integerField(0, 128, 0),
	IPv6SubnetMin: textField(),
	IPv6SubnetMax: textField(),
	Backend: objectField()
};
/**
* Reads a network config as flannel does: keys without regard to case, defaults filled in. Takes the JSON text or
* what it parses to. Throws an OverlayError of code `INVALID_CONFIG` that names the key, its value and the rule.
*/
function parseNetworkConfig(source) {
	const { values, unknownKeys } = readFields(fields, parseObject(source), WHERE);
	if (!values.EnableIPv4 && !values.EnableIPv6) throw invalid("EnableIPv4", false, "must be true, or EnableIPv6 must be: a network has at least one family");
	return {
		ipv4: values.EnableIPv4 ? familyNetwork(IPV4, values) : void 0,
		ipv6: values.EnableIPv6 ? familyNetwork(IPV6, values) : void 0,
		enableNFTables: values.EnableNFTables,
		backend: values.Backend === void 0 ? void 0 : backendSection(values.Backend),
		unknownKeys
	};
}
function parseObject(source) {
	let value = source;
	if (typeof source === "string") try {
		value = JSON.parse(source);
	} catch (error) {
		throw new OverlayError("INVALID_CONFIG", `the network config is not JSON: ${withoutExcerpt(String(error))}`);
	}
	if (!isJsonObject(value)) throw new OverlayError("INVALID_CONFIG", "the network config must be a JSON object such as {\"Network\": \"10.244.0.0/16\"}");
	return value;
}
/** V8 quotes the text around a mistake; near it may stand a pre-shared key. For that the error has no cause either. */
const withoutExcerpt = (message) => message.replace(/,? *(?:\.\.\.)?".*is not valid JSON/s, "");
function familyNetwork(rules, values) {
	const { keys } = rules;
	const network = networkOf(rules, values[keys.network]);
	const length = subnetLengthOf(rules, network, values[keys.length]);
	const bits = addressBits(rules.family);
	const size = 1n << BigInt(bits - length);
	const min = boundaryOf(rules, keys.min, values[keys.min], network, size) ?? network.base + size;
	const max = boundaryOf(rules, keys.max, values[keys.max], network, size) ?? lastAddress(network) + 1n - size;
	if (min > max) throw invalid(keys.min, values[keys.min], `must not lie above ${keys.max}, ${formatAddress({
		family: rules.family,
		value: max
	})}`);
	return {
		network: `${formatAddress({
			family: rules.family,
			value: network.base
		})}/${network.length}`,
		subnetLength: length,
		subnetMin: formatAddress({
			family: rules.family,
			value: min
		}),
		subnetMax: formatAddress({
			family: rules.family,
			value: max
		})
	};
}
function networkOf({ family, keys, longestNetwork }, value) {
	const example = family === 4 ? "10.244.0.0/16" : "fd00:10:244::/48";
	if (value === void 0) throw invalid(keys.network, value, `is required where IPv${family} is on, such as ${example}`);
	const network = parseCidr(String(value));
	if (network?.family !== family) throw invalid(keys.network, value, `must be an IPv${family} CIDR such as ${example}`);
	if (network.length > longestNetwork) throw invalid(keys.network, value, `is too small: its prefix must be /${longestNetwork} or shorter`);
	return network;
}
function subnetLengthOf(rules, network, value) {
	const { keys, longestSubnet, usualLength, usualUpTo } = rules;
	const shortest = network.length + SPARE_BITS;
	if (value === 0) return network.length <= usualUpTo ? usualLength : shortest;
	const length = Number(value);
	if (length > longestSubnet) throw invalid(keys.length, value, `must be ${longestSubnet} or less`);
	if (length < shortest) throw invalid(keys.length, value, `must be ${shortest} or more, so that /${network.length} holds at least four subnets`);
	return length;
}
function boundaryOf(rules, key, value, network, size) {
	if (value === void 0 || value === "") return void 0;
	const address = parseAddress(String(value));
	if (address?.family !== rules.family) throw invalid(key, value, `must be an IPv${rules.family} address`);
	const bits = addressBits(rules.family);
	if (!contains(network, {
		family: rules.family,
		base: address.value,
		length: bits
	})) throw invalid(key, value, `must lie inside ${rules.keys.network}`);
	if ((address.value - network.base) % size !== 0n) throw invalid(key, value, `must be the base address of a subnet`);
	return address.value;
}
function backendSection(section) {
	const { values, unknownKeys } = readFields({ Type: textField() }, section, "the Backend section");
	if (values.Type === "") throw invalid("Backend.Type", "", "must name a backend, such as \"vxlan\"");
	if (values.Type === void 0) return void 0;
	return {
		type: values.Type,
		options: Object.fromEntries(unknownKeys.map((key) => [key, section[key]]))
	};
}
function invalid(key, value, rule) {
	return invalidField(key, value, rule, WHERE);
}

// packages/core/dist/family.js
/**
* Where the parts of one family are found in a network config, an external interface and a lease, so that what is
* done for both families is written once.
*/
const IPV4_PARTS = {
	family: 4,
	name: "IPv4",
	/** In a NetworkConfig. */
	network: "ipv4",
	/** In an ExternalInterface. */
	interfaceAddress: "ipv4",
	/** In a Lease. */
	subnet: "subnet",
	/** In LeaseAttributes, and in a NodeContext. */
	publicAddress: "publicIp",
	/** In LeaseAttributes. */
	backendData: "backendData",
	/** As a lease is written in a store; for messages. */
	written: {
		publicAddress: "PublicIP",
		backendData: "BackendData"
	},
	/** The prefix length of a single address. */
	bits: 32
};
/** See {@link IPV4_PARTS}. */
const IPV6_PARTS = {
	family: 6,
	name: "IPv6",
	network: "ipv6",
	interfaceAddress: "ipv6",
	subnet: "ipv6Subnet",
	publicAddress: "publicIpv6",
	backendData: "backendV6Data",
	written: {
		publicAddress: "PublicIPv6",
		backendData: "BackendV6Data"
	},
	bits: 128
};
const NONE = [];
const IPV4_ONLY = [IPV4_PARTS];
const IPV6_ONLY = [IPV6_PARTS];
const DUAL_STACK = [IPV4_PARTS, IPV6_PARTS];
/** The families that are on, IPv4 first. */
function enabledFamilies({ ipv4, ipv6 }) {
	if (ipv4 === void 0) return ipv6 === void 0 ? NONE : IPV6_ONLY;
	return ipv6 === void 0 ? IPV4_ONLY : DUAL_STACK;
}

// packages/core/dist/events.js
/**
* An emitter whose listeners can do no harm: each is called whatever the others do, and what one throws goes to the
* `error` listeners. An `error` that nobody listens to is let be, and so is what an `error` listener throws: events
* are for observers, and nothing correct depends on one.
*/
var GuardedEmitter = class extends EventEmitter {
	emit = (name, ...args) => {
		const listeners = this.rawListeners(name);
		for (const listener of listeners) try {
			Reflect.apply(listener, this, args);
		} catch (thrown) {
			if (name !== "error") this.#tell(OverlayError.from(thrown, "LISTENER_FAILED", `a listener to '${String(name)}'`));
		}
		return listeners.length > 0;
	};
	#tell(error) {
		Reflect.apply(this.emit, this, ["error", error]);
	}
};

// packages/core/dist/wake.js
/**
* Lets one loop sleep until its next due time or until somebody has work for it. A call that comes while the loop is
* not asleep is kept: the next sleep ends at once.
*/
var Wake = class {
	#pending = false;
	#interrupt;
	call() {
		if (this.#pending) return;
		this.#pending = true;
		this.#interrupt?.abort();
	}
	/** Resolves after `milliseconds` (never, where infinite), or once called. Rejects with the signal's reason. */
	async sleep(milliseconds, clock, signal) {
		signal.throwIfAborted();
		if (!this.#pending && milliseconds > 0) {
			const interrupt = new AbortController();
			this.#interrupt = interrupt;
			const stop = () => interrupt.abort();
			signal.addEventListener("abort", stop, { once: true });
			try {
				await clock.sleep(milliseconds, { signal: interrupt.signal });
			} catch (error) {
				if (!interrupt.signal.aborted) throw error;
			} finally {
				signal.removeEventListener("abort", stop);
				this.#interrupt = void 0;
			}
			signal.throwIfAborted();
		}
		this.#pending = false;
	}
};

// packages/core/dist/lease-keeper.js
/** Failed calls to the store are repeated after half a second to 30 s. */
const BACKOFF$1 = {
	first: 500,
	most: 3e4
};
/** The wall clock may be set forward: no sleep is longer, in ms, so that a lease that is due by it is renewed soon. */
const LONGEST_SLEEP = 3e4;
/**
* Our lease's record was edited by somebody: it is published again after this long, in ms, so that two that edit one
* record in turn do not do so at full speed, and a late echo of our own earlier record has passed.
*/
const REPUBLISH_DELAY = 1e3;
/** Nodes that started together renew up to this share of the margin apart. */
const JITTER = .1;
/**
* Keeps this node's lease: renews it in time, and acquires it again, the same subnet if it is still free, whenever it
* is lost. A store that is away is retried for as long as it takes; nothing here ends for any reason but the signal.
*/
var LeaseKeeper = class {
	#options;
	#wake = new Wake();
	#lease;
	#lost = false;
	/** When to renew, by the wall clock and by the one that never jumps: whichever comes first. */
	#due = {
		wall: Number.POSITIVE_INFINITY,
		monotonic: Number.POSITIVE_INFINITY
	};
	constructor(options) {
		this.#options = options;
	}
	/** The lease as last acquired or renewed; stays readable while it is lost. */
	get lease() {
		if (this.#lease === void 0) throw new TypeError("the overlay has no lease before start() has resolved");
		return this.#lease;
	}
	/** Acquires the first lease; rejects where the store does. */
	async acquire(signal) {
		const { subnets, attributes, previous } = this.#options;
		const held = this.#lease;
		const lease = await subnets.acquireLease({
			attributes: attributes(held),
			adopt: attributes,
			previous: held ?? previous
		}, { signal });
		this.#lost = false;
		this.#keep(lease);
		if (held === void 0) this.#options.onEvent({
			type: "acquired",
			lease
		});
		else this.#options.onEvent({
			type: sameLease(held, lease) ? "acquired" : "changed",
			lease
		});
		return lease;
	}
	/** The store says that the lease is gone or somebody else's. */
	lost() {
		if (this.#lost) return;
		this.#lost = true;
		this.#options.onEvent({
			type: "lost",
			lease: this.lease
		});
		this.#wake.call();
	}
	/** What is to be published may have changed: look now. */
	republish() {
		if (!sameAttributes(this.lease, this.#options.attributes(this.lease))) this.#renewIn(0);
	}
	/** The store shows our lease as this. Where it is not what we published, somebody edited it: publish again. */
	observe(lease) {
		if (!sameLease(this.lease, lease)) this.#renewIn(REPUBLISH_DELAY);
	}
	#renewIn(milliseconds) {
		const { clock } = this.#options;
		this.#due = {
			wall: Math.min(this.#due.wall, clock.now() + milliseconds),
			monotonic: Math.min(this.#due.monotonic, clock.monotonic() + milliseconds)
		};
		this.#wake.call();
	}
	/** Runs until the signal aborts. */
	async run(signal) {
		const { clock, random } = this.#options;
		let failures = 0;
		while (!signal.aborted) try {
			const idle = this.#lost ? 0 : this.#idleTime();
			const pause = failures > 0 ? backoffDelay(failures, BACKOFF$1, random) : Math.min(idle, LONGEST_SLEEP);
			await this.#wake.sleep(pause, clock, signal);
			if (this.#lost) await this.acquire(signal);
			else if (this.#idleTime() === 0) await this.#renew(signal);
			failures = 0;
		} catch (error) {
			if (signal.aborted) return;
			failures += 1;
			this.#options.onError(OverlayError.from(error, "STORE_UNAVAILABLE", `keeping lease ${leaseKey(this.lease)}`));
		}
	}
	async #renew(signal) {
		const { subnets } = this.#options;
		const held = this.lease;
		const attributes = this.#options.attributes(held);
		if (!sameNode(held.attributes, attributes)) {
			await subnets.releaseLease(held, { signal });
			await this.acquire(signal);
			return;
		}
		try {
			const lease = await subnets.renewLease({
				...held,
				attributes
			}, { signal });
			this.#keep(lease);
			this.#options.onEvent({
				type: sameLease(held, lease) ? "renewed" : "changed",
				lease
			});
		} catch (error) {
			if (!isOverlayError(error, "LEASE_LOST")) throw error;
			this.#options.onError(error);
			this.lost();
		}
	}
	#keep(lease) {
		this.#lease = lease;
		const { clock, random, renewMargin } = this.#options;
		if (lease.expiresAt === void 0) {
			this.#due = {
				wall: Number.POSITIVE_INFINITY,
				monotonic: Number.POSITIVE_INFINITY
			};
			return;
		}
		const left = lease.expiresAt - clock.now();
		const lead = Math.min(renewMargin * (1 + JITTER * random()), left / 2);
		this.#due = {
			wall: lease.expiresAt - lead,
			monotonic: clock.monotonic() + left - lead
		};
	}
	#idleTime() {
		const { clock } = this.#options;
		return Math.max(0, Math.min(this.#due.wall - clock.now(), this.#due.monotonic - clock.monotonic()));
	}
};
function sameAttributes(lease, attributes) {
	return sameLease(lease, {
		...lease,
		attributes
	});
}

// packages/core/dist/leases.js
function roleOf(lease, own) {
	const node = sameNode(lease.attributes, own.attributes);
	if (leaseKey(lease) === leaseKey(own)) return node ? "own" : "taken";
	if (node) return "former";
	return leasesOverlap(lease, own) ? "overlapping" : "peer";
}
/** Everyone's leases as the store last told them, by key. */
var LeaseTable = class {
	#leases = /* @__PURE__ */ new Map();
	get leases() {
		return this.#leases;
	}
	/** Takes in what a watch told; returns what is new in it. What only says again what was known is no change. */
	take(event) {
		if (event.type === "snapshot") return this.#replace(event.leases);
		return event.type === "put" ? this.#put(event.lease) : this.#delete(leaseKey(event.lease));
	}
	#replace(leases) {
		const keys = new Set(leases.map(leaseKey));
		return [...[...this.#leases.keys()].filter((key) => !keys.has(key)).flatMap((key) => this.#delete(key)), ...leases.flatMap((lease) => this.#put(lease))];
	}
	#put(lease) {
		const key = leaseKey(lease);
		const before = this.#leases.get(key);
		this.#leases.set(key, lease);
		return before !== void 0 && sameLease(before, lease) ? [] : [{
			type: "put",
			lease
		}];
	}
	#delete(key) {
		const lease = this.#leases.get(key);
		this.#leases.delete(key);
		return lease === void 0 ? [] : [{
			type: "delete",
			lease
		}];
	}
};
/** The leased subnets that lie outside the network as this node knows it: it was widened since this node started. */
function subnetsOutside(config, { subnet, ipv6Subnet }) {
	const inside = (network, text) => network !== void 0 && contains(requireCidr(network), requireCidr(text));
	return [...subnet !== void 0 && !inside(config.ipv4?.network, subnet) ? [subnet] : [], ...ipv6Subnet !== void 0 && !inside(config.ipv6?.network, ipv6Subnet) ? [ipv6Subnet] : []];
}
/** Why a lease is given no routes, where that is worth saying. */
function refusal(lease, role, own) {
	if (role !== "overlapping") return void 0;
	return new OverlayError("LEASE_CONFLICT", `lease ${leaseKey(lease)} of ${lease.attributes.publicIp ?? lease.attributes.publicIpv6} overlaps this node's own, ${leaseKey(own)}: it is given no routes; delete the wrong one of the two from the store`);
}

// packages/core/dist/reach.js
/**
* The addresses at which peers reach this node, of each family that is on: what a backend publishes. Throws an
* OverlayError of code `INTERFACE_UNSUITABLE` where a family that is on has none.
*/
function publicAddresses(context) {
	let addresses = {};
	for (const parts of enabledFamilies(context.config)) {
		const address = context[parts.publicAddress];
		if (address === void 0) throw withoutAddress(context.externalInterface, parts);
		addresses = {
			...addresses,
			[parts.publicAddress]: address
		};
	}
	return addresses;
}
/**
* The external interface's own address: the source of what goes to peers. Throws an OverlayError of code
* `INTERFACE_UNSUITABLE` where it has none of that family.
*/
function interfaceAddress({ externalInterface }, parts) {
	const address = externalInterface[parts.interfaceAddress];
	if (address === void 0) throw withoutAddress(externalInterface, parts);
	return address;
}
function withoutAddress({ name }, { name: family }) {
	return new OverlayError("INTERFACE_UNSUITABLE", `${family} is on in the network config, but the external interface ${name} has no ${family} address; give it one, name another interface, or turn ${family} off`);
}
/** True where packets to `address` leave by the external interface without a gateway. */
function isOnLink({ onLink }, address) {
	return onLink.some((network) => containsAddress(network, address));
}
/**
* What a peer's lease says of one family; undefined where it has no subnet of that family. Throws an OverlayError of
* code `INVALID_LEASE` where it has a subnet and does not say at which address its node is reached.
*/
function peerAddresses(lease, parts) {
	const subnet = lease[parts.subnet];
	if (subnet === void 0) return void 0;
	const publicAddress = lease.attributes[parts.publicAddress];
	if (publicAddress === void 0) throw new OverlayError("INVALID_LEASE", `${describeLease(lease)} has no ${parts.written.publicAddress}: nobody can tell where ${subnet} is; correct or delete it`);
	return {
		subnet,
		publicAddress
	};
}
/** A lease as messages name it: `the lease of 10.244.5.0/24 (192.168.64.3)`. */
function describeLease({ subnet, ipv6Subnet, attributes }) {
	const subnets = [subnet, ipv6Subnet].filter((text) => text !== void 0).join(" and ");
	const addresses = [attributes.publicIp, attributes.publicIpv6].filter((text) => text !== void 0);
	return `the lease of ${subnets || "no subnet"}${addresses.length === 0 ? "" : ` (${addresses.join(", ")})`}`;
}

// packages/core/dist/node.js
/** The networks of a config, IPv4 first. */
function networksOf({ ipv4, ipv6 }) {
	return [ipv4?.network, ipv6?.network].filter((network) => network !== void 0);
}
/**
* The alias by which a later run knows a link as ours. It names the network, since that is what tells two overlays on
* one host apart: two that shared a network would contest its routes anyway.
*/
const ownershipAlias = (network) => `selvedge ${network}`;
/** Links carry the mark; nothing else can. */
function marked(resources, alias) {
	return resources.map((resource) => resource.kind === "link" ? {
		...resource,
		alias
	} : resource);
}
/** Asks the first driver that can tell. */
async function findExternalInterface(drivers, options) {
	for (const driver of drivers) if (driver.externalInterface !== void 0) return driver.externalInterface(options);
	throw new TypeError("no driver can find the external interface: give the overlay `externalInterface`");
}
/** Throws `INTERFACE_UNSUITABLE` where the interface lacks an address of a family that the network has. */
function nodeContext(config, externalInterface, given) {
	for (const parts of enabledFamilies(config)) interfaceAddress({ externalInterface }, parts);
	const { ipv4, ipv6 } = externalInterface;
	return {
		config,
		externalInterface,
		publicIp: config.ipv4 === void 0 ? void 0 : given.publicIp ?? ipv4,
		publicIpv6: config.ipv6 === void 0 ? void 0 : given.publicIpv6 ?? ipv6
	};
}

// packages/core/dist/resource.js
const RT_TABLE_MAIN = 254;
const IP6_RT_PRIO_USER = 1024;
function link(fields) {
	const { macAddress, vxlan } = fields;
	const { local } = vxlan ?? {};
	return withoutUndefined({
		kind: "link",
		key: `link ${fields.name}`,
		...fields,
		up: fields.up ?? true,
		macAddress: macAddress === void 0 ? void 0 : canonicalMac(macAddress),
		vxlan: vxlan === void 0 ? void 0 : withoutUndefined({
			...vxlan,
			local: local === void 0 ? void 0 : canonicalAddress(local)
		})
	});
}
/** A field that is there counts in a comparison, even where it is undefined; so what is left open is left out. */
function withoutUndefined(fields) {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== void 0));
}
function address(fields) {
	const ip = canonicalAddress(fields.address);
	return {
		kind: "address",
		key: `address ${fields.link} ${ip}/${fields.prefixLength}`,
		link: fields.link,
		address: ip,
		prefixLength: fields.prefixLength
	};
}
function route(fields) {
	const destination = canonicalCidr(fields.destination);
	const table = fields.table ?? RT_TABLE_MAIN;
	const tos = fields.tos ?? 0;
	const metric = fields.metric ?? (familyOf(destination) === 4 ? 0 : IP6_RT_PRIO_USER);
	return {
		kind: "route",
		key: `route ${table} ${destination} ${tos} ${metric}`,
		destination,
		table,
		tos,
		metric,
		type: fields.type ?? "unicast",
		device: fields.device,
		gateway: fields.gateway === void 0 ? void 0 : canonicalAddress(fields.gateway),
		onLink: fields.onLink ?? false
	};
}
function neighbour(fields) {
	const ip = canonicalAddress(fields.address);
	return {
		kind: "neighbour",
		key: `neighbour ${fields.link} ${ip}`,
		link: fields.link,
		address: ip,
		macAddress: canonicalMac(fields.macAddress)
	};
}
/**
* A VXLAN link holds one destination for a unicast MAC, and any number for a multicast or the all-zero one
* (drivers/net/vxlan/vxlan_core.c: only those may be appended to); the key follows it.
*/
function fdb(fields) {
	const macAddress = canonicalMac(fields.macAddress);
	const destination = canonicalAddress(fields.destination);
	const many = macAddress === "00:00:00:00:00:00" || isMulticastMac(macAddress);
	return {
		kind: "fdb",
		key: `fdb ${fields.link} ${macAddress}${many ? ` ${destination}` : ""}`,
		link: fields.link,
		macAddress,
		destination
	};
}
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
/** A MAC in lower case with colons; throws a TypeError for anything that is not six octets in hex. */
function canonicalMac(text) {
	const mac = text.toLowerCase().replaceAll("-", ":");
	if (!MAC.test(mac)) throw new TypeError(`'${text}' is not a MAC address such as c6:d2:32:6f:8f:44`);
	return mac;
}
/** The group bit, the lowest of the first octet (IEEE 802-2014, 8.2). */
function isMulticastMac(mac) {
	return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
}
/**
* True where `actual` is as `wish` says: every field that the wish has, holds the wished value (`undefined` where the
* wish says undefined: a route without a gateway). A field that the wish does not have is left to the holder.
*/
function satisfies(actual, wish) {
	return actual === wish || fieldsMatch(actual, wish);
}
function fieldsMatch(actual, wish) {
	for (const name of Object.keys(wish)) if (!valuesMatch(Reflect.get(actual, name), Reflect.get(wish, name))) return false;
	return true;
}
function valuesMatch(actual, wished) {
	if (Array.isArray(wished)) return Array.isArray(actual) && actual.length === wished.length && wished.every((item, index) => valuesMatch(actual[index], item));
	if (typeof wished === "object" && wished !== null) return typeof actual === "object" && actual !== null && fieldsMatch(actual, wished);
	return actual === wished;
}
/**
* MTU, MAC, alias, up or down and sysctls change in place. The type of a link and every VXLAN setting are fixed when
* it is made: the kernel refuses or ignores a change, so the link is made anew.
*/
function linkChange(actual, wish) {
	if (satisfies(actual, wish)) return "none";
	const sameType = actual.type === wish.type;
	const sameSettings = wish.vxlan === void 0 || actual.vxlan !== void 0 && fieldsMatch(actual.vxlan, wish.vxlan);
	return sameType && sameSettings ? "change" : "recreate";
}
/** True where two wishes ask for the same. */
function sameResource(a, b) {
	return satisfies(a, b) && satisfies(b, a);
}

// packages/core/dist/diff.js
/**
* The order in which things are put: what is used before what uses it. Kinds that other drivers bring belong with
* the neighbours: after the links and addresses they hang on, before the routes that send packets their way.
*/
const RANK = {
	link: 0,
	address: 1,
	fdb: 2,
	neighbour: 2,
	route: 3
};
const RANK_OF_OTHERS = 2;
const RANKS = 4;
const rankOf = ({ kind }) => RANK[kind] ?? RANK_OF_OTHERS;
/**
* What it takes at one key to get from what is held to what is wished: nothing, a put or a delete.
*
* @param actual what is held, if anything
* @param wish what is wished, if anything
*/
function operationFor(actual, wish) {
	if (wish === void 0) return actual === void 0 ? void 0 : {
		type: "delete",
		resource: actual
	};
	if (actual !== void 0 && satisfies(actual, wish)) return void 0;
	return {
		type: "put",
		resource: wish,
		actual
	};
}
/**
* Sorts operations into the order that never leads traffic into a void: puts before deletes, so that a new way
* stands before the old one goes; links, addresses, neighbours, then routes, and the reverse for deletes.
*/
function inPhases(operations) {
	const puts = Array.from({ length: RANKS }, () => []);
	const deletes = Array.from({ length: RANKS }, () => []);
	for (const operation of operations) (operation.type === "put" ? puts : deletes)[rankOf(operation.resource)]?.push(operation);
	return [...puts.map((list) => ({
		type: "put",
		operations: list
	})), ...deletes.reverse().map((list) => ({
		type: "delete",
		operations: list
	}))].filter(({ operations: list }) => list.length > 0);
}

// packages/core/dist/driver-set.js
/** A watch that ended is opened again after 100 ms to 10 s. */
const REWATCH_BACKOFF = {
	first: 100,
	most: 1e4
};
/** All drivers of an overlay as one: each resource goes to the driver of its kind. */
var DriverSet = class {
	#drivers;
	#byKind = /* @__PURE__ */ new Map();
	/** Throws a TypeError where two drivers hold resources of one kind. */
	constructor(drivers) {
		this.#drivers = drivers;
		for (const driver of drivers) for (const kind of driver.kinds) {
			const rival = this.#byKind.get(kind);
			if (rival !== void 0) throw new TypeError(`two drivers, '${rival.name}' and '${driver.name}', both hold resources of kind '${kind}'`);
			this.#byKind.set(kind, driver);
		}
	}
	/** Everything of ours that any of them holds, by key. */
	async snapshot(scope, options) {
		const snapshots = await Promise.all(this.#drivers.map((driver) => driver.snapshot(scope, options)));
		const held = /* @__PURE__ */ new Map();
		for (const snapshot of snapshots) for (const resource of snapshot) held.set(resource.key, resource);
		return held;
	}
	/** Carries out each operation by the driver of its kind. Rejects only where the signal aborts. */
	async apply(operations, signal) {
		const batches = /* @__PURE__ */ new Map();
		for (const operation of operations) {
			const driver = this.#byKind.get(operation.resource.kind);
			const batch = batches.get(driver);
			if (batch === void 0) batches.set(driver, [operation]);
			else batch.push(operation);
		}
		const outcomes = [];
		for (const [driver, batch] of batches) {
			const results = driver === void 0 ? [] : await applyBatch(driver, batch, signal);
			for (const [index, operation] of batch.entries()) {
				const result = results[index] ?? {
					ok: false,
					error: unanswered(driver, operation)
				};
				outcomes.push({
					operation,
					result
				});
			}
		}
		return outcomes;
	}
	/** Calls `onChange` for whatever any of them tells, until the signal aborts. Never rejects. */
	async watch(options) {
		await Promise.all(this.#drivers.map((driver) => watchForEver(driver, options)));
	}
};
/** What a driver answers; where it rejects, each of the operations has failed with what it says. */
async function applyBatch(driver, operations, signal) {
	try {
		return await driver.apply(operations, { signal });
	} catch (thrown) {
		if (signal.aborted) throw thrown;
		const error = OverlayError.from(thrown, "KERNEL_REFUSED", `applying changes through driver '${driver.name}'`);
		return operations.map(() => ({
			ok: false,
			error,
			stale: true
		}));
	}
}
async function watchForEver(driver, options) {
	const { signal, clock, random, onChange, onError } = options;
	for (let failures = 1; driver.watch !== void 0 && !signal.aborted; failures += 1) {
		try {
			for await (const _event of driver.watch({ signal })) {
				failures = 0;
				onChange();
			}
		} catch (error) {
			if (signal.aborted) return;
			onError(OverlayError.from(error, "KERNEL_REFUSED", `watching what driver '${driver.name}' tells`));
		}
		await clock.sleep(backoffDelay(Math.max(1, failures), REWATCH_BACKOFF, random), { signal }).catch(() => void 0);
		if (!signal.aborted) onChange();
	}
}
function unanswered(driver, { type, resource }) {
	if (driver === void 0) return new OverlayError("UNSUPPORTED", `no driver holds resources of kind '${resource.kind}', so ${resource.key} cannot be: add one to the overlay's drivers`);
	return new OverlayError("KERNEL_REFUSED", `driver '${driver.name}' did not answer to: ${type} ${resource.key}`);
}

// packages/core/dist/read-schedule.js
/**
* So many reads that find somebody else's changes may follow one another at once: accidents are mended within
* milliseconds.
*/
const BURST = 10;
/** And then one each so many ms: whoever deletes in a loop gets one round of repairs a second. */
const REFILL = 1e3;
/** Reading takes at most about a fifth of one core, however many notifications come: gap = 4 × the last read. */
const REST_PER_READ = 4;
/**
* When to read the drivers again: at once when asked, on a jittered timer when nobody asks, and at a bounded rate
* when somebody fights us. Pure but for its own memory: every time is handed in (ms, monotonic).
*/
var ReadSchedule = class {
	#options;
	#random;
	#asked = true;
	#timer = 0;
	#earliest = 0;
	/** How many more reads may find drift before the next has to wait; a fraction is one that is coming. */
	#tokens = BURST;
	#refilledAt = 0;
	constructor(options, random) {
		this.#options = options;
		this.#random = random;
	}
	/** True where a read was asked for and has not begun yet. */
	get asked() {
		return this.#asked;
	}
	ask() {
		this.#asked = true;
	}
	/** When the next read is due. */
	dueAt() {
		return this.#asked ? this.#earliest : Math.max(this.#timer, this.#earliest);
	}
	/** Notifications that come from here on may be of changes the read does not see: they ask anew. */
	begun() {
		this.#asked = false;
	}
	ended(now, { took, drifted }) {
		this.#tokens = Math.min(BURST, this.#tokens + (now - this.#refilledAt) / REFILL) - (drifted ? 1 : 0);
		this.#refilledAt = now;
		const untilNextToken = drifted ? Math.max(0, 1 - this.#tokens) * REFILL : 0;
		this.#earliest = now + Math.max(untilNextToken, took * REST_PER_READ);
		this.#timer = now + this.#options.resyncInterval * (.8 + .4 * this.#random());
	}
	/** A read that failed is asked for again, `delay` ms from now at the earliest. */
	failed(now, delay) {
		this.#asked = true;
		this.#earliest = now + delay;
	}
};

// packages/core/dist/retries.js
/** A key that fails is tried again after 100 ms to 30 s: a fault that lasts must not burn a core, nor fill a log. */
const BACKOFF = {
	first: 100,
	most: 3e4
};
/** The keys whose last write failed, and when to try each again (ms, monotonic). */
var Retries = class {
	#failures = /* @__PURE__ */ new Map();
	/** How often keys had failed whose write then succeeded, but has not been read back yet. */
	#doubted = /* @__PURE__ */ new Map();
	#random;
	constructor(random) {
		this.#random = random;
	}
	get size() {
		return this.#failures.size;
	}
	list() {
		return [...this.#failures.values()].map(({ key, error, attempts }) => ({
			key,
			error,
			attempts
		}));
	}
	has(key) {
		return this.#failures.has(key);
	}
	failed(key, error, now) {
		const attempts = (this.#failures.get(key)?.attempts ?? this.#doubted.get(key) ?? 0) + 1;
		this.#doubted.delete(key);
		this.#failures.set(key, {
			key,
			error,
			attempts,
			dueAt: now + backoffDelay(attempts, BACKOFF, this.#random)
		});
	}
	/** Its write was said to succeed. If it turns out not to hold, the past still counts. */
	succeeded(key) {
		const failure = this.#failures.get(key);
		if (failure === void 0) return;
		this.#failures.delete(key);
		this.#doubted.set(key, failure.attempts);
	}
	/** A read has shown which keys differ still: the others' past does not count any more. */
	proven(differs) {
		for (const key of this.#doubted.keys()) if (!differs(key)) this.#doubted.delete(key);
	}
	/** It holds, or its wish changed: the past does not count. */
	forget(key) {
		this.#failures.delete(key);
		this.#doubted.delete(key);
	}
	/** Every key may be tried again now: what made them fail has changed. */
	hasten() {
		for (const failure of this.#failures.values()) failure.dueAt = 0;
	}
	due(now) {
		const keys = [];
		for (const { key, dueAt } of this.#failures.values()) if (dueAt <= now) keys.push(key);
		return keys;
	}
	/** When the next key is due; infinite where none is. */
	nextDueAt() {
		let next = Number.POSITIVE_INFINITY;
		for (const { dueAt } of this.#failures.values()) next = Math.min(next, dueAt);
		return next;
	}
};

// packages/core/dist/tally.js
/** Counts what a round of writes did, and gathers its errors: one for each sort, not one for each of 15,000 keys. */
var Tally = class {
	#put = 0;
	#deleted = 0;
	#failed = 0;
	#errors = /* @__PURE__ */ new Map();
	count({ type }) {
		if (type === "put") this.#put += 1;
		else this.#deleted += 1;
	}
	fail({ kind }, error) {
		this.#failed += 1;
		const sort = `${kind} ${error.code} ${error.errno}`;
		const alike = this.#errors.get(sort);
		if (alike === void 0) this.#errors.set(sort, {
			first: error,
			count: 1
		});
		else alike.count += 1;
	}
	isEmpty() {
		return this.#put + this.#deleted + this.#failed === 0;
	}
	errors() {
		return [...this.#errors.values()].map(({ first, count }) => {
			if (count === 1) return first;
			const options = {
				cause: first,
				...first.errno !== void 0 && { errno: first.errno }
			};
			return new OverlayError(first.code, `${first.message} (and ${count - 1} more like it)`, options);
		});
	}
	report(duration) {
		return {
			put: this.#put,
			deleted: this.#deleted,
			failed: this.#failed,
			duration
		};
	}
};

// packages/core/dist/wishes.js
/**
* What ought to be held, by key, and on whose behalf: an owner is a peer's lease, or this node itself. Two owners may
* wish for one key (a node that moved to a new lease while its old one has not expired yet): the one that asked last
* counts, and when it goes the other's wish stands again.
*/
var Wishes = class {
	#claims = /* @__PURE__ */ new Map();
	#byOwner = /* @__PURE__ */ new Map();
	#onChange;
	/** @param onChange called with each key whose counting wish changed, came or went */
	constructor(onChange) {
		this.#onChange = onChange;
	}
	get size() {
		return this.#claims.size;
	}
	/** The wish that counts for `key`. */
	get(key) {
		return this.#claims.get(key)?.resource;
	}
	/** The wishes that count. */
	*[Symbol.iterator]() {
		for (const { resource } of this.#claims.values()) yield resource;
	}
	owners() {
		return [...this.#byOwner.keys()];
	}
	/** What `owner` wishes for, whether it counts or not. */
	of(owner) {
		return this.#byOwner.get(owner) ?? [];
	}
	/** Replaces all that `owner` wishes for. */
	set(owner, resources) {
		const kept = new Set(resources.map(({ key }) => key));
		for (const { key } of this.of(owner)) if (!kept.has(key)) this.#replace(key, without(this.#claims.get(key), owner));
		for (const resource of resources) this.#replace(resource.key, withClaim(this.#claims.get(resource.key), owner, resource));
		if (resources.length === 0) this.#byOwner.delete(owner);
		else this.#byOwner.set(owner, resources);
	}
	#replace(key, claim) {
		const before = this.#claims.get(key);
		if (claim === void 0) this.#claims.delete(key);
		else this.#claims.set(key, claim);
		if (before === void 0 || claim === void 0 ? before !== claim : !sameResource(before.resource, claim.resource)) this.#onChange(key);
	}
};
/** An owner that already has a claim keeps its rank: saying the same again is no newer wish. */
function withClaim(top, owner, resource) {
	if (top === void 0 || !has(top, owner)) return {
		owner,
		resource,
		beneath: top
	};
	if (top.owner === owner) return {
		owner,
		resource,
		beneath: top.beneath
	};
	return {
		...top,
		beneath: withClaim(top.beneath, owner, resource)
	};
}
function without(top, owner) {
	if (top === void 0) return void 0;
	if (top.owner === owner) return top.beneath;
	return {
		...top,
		beneath: without(top.beneath, owner)
	};
}
function has(top, owner) {
	return top !== void 0 && (top.owner === owner || has(top.beneath, owner));
}

// packages/core/dist/reconciler.js
/** A read that fails is repeated after 100 ms to 10 s. */
const READ_BACKOFF = {
	first: 100,
	most: 1e4
};
/** How often `removeAll` tries before it says what it could not remove. */
const REMOVAL_ROUNDS = 3;
/**
* Keeps what the drivers hold equal to what is wished. One loop reads and writes; wishes may change at any time and
* are taken up in its next round.
*/
var Reconciler = class {
	wishes;
	#options;
	#drivers;
	#schedule;
	#retries;
	#wake = new Wake();
	/** What the drivers hold, as last read and written since. */
	#held = /* @__PURE__ */ new Map();
	/** Keys whose wish may differ from what is held. */
	#dirty = /* @__PURE__ */ new Set();
	#watching;
	#everRead = false;
	#gateOpen = false;
	#busy = false;
	#failedReads = 0;
	#waiters = [];
	constructor(options) {
		this.#options = options;
		this.#drivers = new DriverSet(options.drivers);
		this.#schedule = new ReadSchedule(options, options.random);
		this.#retries = new Retries(options.random);
		this.wishes = new Wishes((key) => {
			this.#dirty.add(key);
			this.#retries.forget(key);
			this.#wake.call();
		});
	}
	get status() {
		return {
			inSync: this.#inSync(),
			wanted: this.wishes.size,
			held: this.#held.size,
			failures: this.#retries.list()
		};
	}
	/** From now on, what is held and wished by nobody is deleted: call once all leases are known. */
	openGate() {
		if (this.#gateOpen) return;
		this.#gateOpen = true;
		for (const key of this.#held.keys()) if (this.wishes.get(key) === void 0) this.#dirty.add(key);
		this.#wake.call();
	}
	/** Reads the drivers again as soon as may be. */
	resync() {
		this.#schedule.ask();
		this.#wake.call();
	}
	/**
	* Begins to watch, then reads and writes once; rejects where that cannot be done at all, and watches no more. Keys
	* that fail are in `status`. Call it before `run`, whose rounds it must not meet.
	*/
	async first({ signal = new AbortController().signal } = {}) {
		this.#startWatching();
		this.#busy = true;
		try {
			await this.#read(signal, "first");
			await this.#write(signal);
		} catch (error) {
			await this.#stopWatching();
			throw error;
		} finally {
			this.#busy = false;
		}
		this.#tellWhoWaits();
	}
	/** Reconciles until the signal aborts, then returns once the round it is in has ended. Never rejects otherwise. */
	async run(signal) {
		this.#startWatching();
		while (!signal.aborted) try {
			await this.#wake.sleep(this.#idleTime(), this.#options.clock, signal);
			await this.#round(signal);
		} catch (error) {
			if (signal.aborted) break;
			this.#report(OverlayError.from(error, "KERNEL_REFUSED", "reconciling"));
			this.#everRead = false;
			this.#readFailed();
		}
		await this.#stopWatching();
	}
	/** What would be written now, from a fresh look; writes nothing. */
	async plan(options = {}) {
		const held = await this.#drivers.snapshot(this.#options.scope(), options);
		const keys = new Set(held.keys());
		for (const { key } of this.wishes) keys.add(key);
		const operations = [];
		for (const key of keys) {
			const operation = this.#permitted(operationFor(held.get(key), this.wishes.get(key)));
			if (operation !== void 0) operations.push(operation);
		}
		return inPhases(operations).flatMap((phase) => phase.operations);
	}
	/** Resolves once the drivers hold what is wished and nothing else of ours; at once where they do. */
	async whenInSync({ signal } = {}) {
		signal?.throwIfAborted();
		if (this.#inSync()) return;
		await new Promise((resolve, reject) => {
			const done = () => {
				signal?.removeEventListener("abort", abort);
				resolve();
			};
			const abort = () => {
				this.#waiters = this.#waiters.filter((waiter) => waiter !== done);
				reject(signal?.reason);
			};
			signal?.addEventListener("abort", abort, { once: true });
			this.#waiters.push(done);
		});
	}
	/** Removes all that is ours. Call it after `run` has returned. Rejects with the first of what could not be removed. */
	async removeAll({ signal = new AbortController().signal } = {}) {
		for (const owner of this.wishes.owners()) this.wishes.set(owner, []);
		this.#gateOpen = true;
		for (let round = 1;; round += 1) {
			await this.#read(signal, "own");
			if (this.#held.size === 0) return;
			this.#retries.hasten();
			await this.#write(signal);
			const [failure] = this.#retries.list();
			if (round === REMOVAL_ROUNDS && failure !== void 0) throw failure.error;
			if (round > REMOVAL_ROUNDS) {
				const [left = ""] = this.#held.keys();
				throw new OverlayError("KERNEL_REFUSED", `removing all that is ours: ${this.#held.size} are back, such as ${left}`);
			}
		}
	}
	#inSync() {
		return this.#gateOpen && this.#everRead && !this.#busy && !this.#schedule.asked && this.#dirty.size === 0 && this.#retries.size === 0;
	}
	#idleTime() {
		if (this.#everRead && this.#dirty.size > 0) return 0;
		const retryAt = this.#everRead ? this.#retries.nextDueAt() : Number.POSITIVE_INFINITY;
		return Math.max(0, Math.min(this.#schedule.dueAt(), retryAt) - this.#options.clock.monotonic());
	}
	async #round(signal) {
		this.#busy = true;
		try {
			if (this.#schedule.dueAt() <= this.#options.clock.monotonic()) await this.#look(signal);
			if (this.#everRead) await this.#write(signal);
		} finally {
			this.#busy = false;
		}
		this.#tellWhoWaits();
	}
	async #look(signal) {
		try {
			await this.#read(signal, "look");
		} catch (error) {
			if (signal.aborted) throw error;
			this.#report(OverlayError.from(error, "KERNEL_REFUSED", "reading what is held"));
			this.#readFailed();
		}
	}
	#tellWhoWaits() {
		if (this.#inSync()) for (const waiter of this.#waiters.splice(0)) waiter();
	}
	#readFailed() {
		this.#failedReads += 1;
		const delay = backoffDelay(this.#failedReads, READ_BACKOFF, this.#options.random);
		this.#schedule.failed(this.#options.clock.monotonic(), delay);
	}
	/** @param why `first` and `own` expect differences; a `look` that finds some has found drift */
	async #read(signal, why) {
		const { clock } = this.#options;
		const startedAt = clock.monotonic();
		this.#schedule.begun();
		await this.#options.beforeRead?.({ signal });
		const before = this.#held;
		const held = await this.#drivers.snapshot(this.#options.scope(), { signal });
		const drift = this.#compare(before, held);
		this.#held = held;
		this.#everRead = true;
		this.#failedReads = 0;
		const drifted = why === "look" && drift.length > 0;
		const now = clock.monotonic();
		this.#schedule.ended(now, {
			took: now - startedAt,
			drifted
		});
		if (drifted) this.#options.onDrift?.(drift);
	}
	/** Marks every key that differs from its wish as dirty, and tells which of them were believed to be as wished. */
	#compare(before, held) {
		const drift = [];
		for (const wish of this.wishes) {
			const { key } = wish;
			const actual = held.get(key);
			if (actual !== void 0 && satisfies(actual, wish)) {
				held.set(key, wish);
				this.#retries.forget(key);
				continue;
			}
			const believed = before.get(key);
			if (!this.#dirty.has(key) && !this.#retries.has(key) && believed !== void 0) drift.push({
				key,
				was: actual === void 0 ? "missing" : "changed"
			});
			this.#dirty.add(key);
		}
		for (const key of held.keys()) {
			if (this.wishes.get(key) !== void 0) continue;
			if (this.#gateOpen && !before.has(key)) drift.push({
				key,
				was: "unexpected"
			});
			if (this.#gateOpen) this.#dirty.add(key);
		}
		for (const { key } of this.#retries.list()) if (!held.has(key) && this.wishes.get(key) === void 0) this.#retries.forget(key);
		this.#retries.proven((key) => this.#dirty.has(key));
		return drift;
	}
	/** Before the gate opens nothing is deleted. */
	#permitted(operation) {
		return operation?.type === "delete" && !this.#gateOpen ? void 0 : operation;
	}
	/** Writes what differs, and reads again in between where a write has put in doubt what was read. */
	async #write(signal) {
		const { clock } = this.#options;
		const startedAt = clock.monotonic();
		const tally = new Tally();
		const written = /* @__PURE__ */ new Set();
		while (await this.#writePhases(inPhases(this.#collect(written, tally)), written, tally, signal)) await this.#read(signal, "own");
		for (const error of tally.errors()) this.#report(error);
		if (tally.isEmpty()) return;
		this.#options.onSync?.(tally.report(clock.monotonic() - startedAt));
	}
	/** @returns whether it stopped early, because what was read before is in doubt now */
	async #writePhases(phases, written, tally, signal) {
		for (const [index, phase] of phases.entries()) if (await this.#apply(phase, written, tally, signal)) {
			const rest = phases.slice(index + 1).flatMap(({ operations }) => operations);
			for (const { resource } of rest) this.#dirty.add(resource.key);
			return true;
		}
		return false;
	}
	/** The operations that the dirty keys and the due retries call for. */
	#collect(written, tally) {
		const now = this.#options.clock.monotonic();
		const keys = new Set(this.#dirty);
		this.#dirty.clear();
		for (const key of keys) if (this.#retries.has(key)) keys.delete(key);
		for (const key of this.#retries.due(now)) keys.add(key);
		const operations = [];
		for (const key of keys) {
			const operation = this.#permitted(operationFor(this.#held.get(key), this.wishes.get(key)));
			if (operation === void 0) this.#retries.forget(key);
			else if (written.has(key)) this.#fail(operation, didNotHold(operation), tally);
			else operations.push(operation);
		}
		return operations;
	}
	/** @returns whether what was read before is in doubt now */
	async #apply({ operations }, written, tally, signal) {
		let stale = false;
		for (const { operation, result } of await this.#drivers.apply(operations, signal)) {
			const { type, resource } = operation;
			written.add(resource.key);
			if (!result.ok) {
				this.#fail(operation, result.error, tally);
				if (result.stale) this.#schedule.ask();
				continue;
			}
			tally.count(operation);
			this.#retries.succeeded(resource.key);
			if (type === "put") this.#held.set(resource.key, resource);
			else this.#held.delete(resource.key);
			if (resource.kind === "link") this.#retries.hasten();
			stale ||= result.stale ?? false;
		}
		return stale;
	}
	#fail({ resource }, error, tally) {
		this.#retries.failed(resource.key, error, this.#options.clock.monotonic());
		tally.fail(resource, error);
	}
	/** Before the first read: what changes after it must not go unseen. */
	#startWatching() {
		if (this.#watching !== void 0) return;
		const stop = new AbortController();
		const { clock, random } = this.#options;
		const ended = this.#drivers.watch({
			clock,
			random,
			signal: stop.signal,
			onChange: () => this.resync(),
			onError: (error) => this.#report(error)
		});
		this.#watching = {
			stop,
			ended
		};
	}
	async #stopWatching() {
		const watching = this.#watching;
		this.#watching = void 0;
		watching?.stop.abort();
		await watching?.ended;
	}
	#report(error) {
		this.#options.onError?.(error);
	}
};
function didNotHold({ type, resource }) {
	return new OverlayError("KERNEL_REFUSED", `${type} ${resource.key} was said to succeed, yet what was read back differs: look for another program that changes it`);
}

// packages/core/dist/member.js
/** Who wishes for what this node needs whatever its peers; no lease has such a key. */
const THIS_NODE = "this node";
/** A watch that ended though it should not have is opened again after this long, in ms. */
const REWATCH_DELAY = 1e3;
/**
* This node's membership in one network, from its lease to the kernel. This is where a lease is followed: `#follow`
* takes it from the store, `#callsFor` asks the backend what it calls for, and the reconciler, which holds these
* wishes by the lease's key, hands them to the drivers.
*/
var Member = class Member {
	config;
	reconciler;
	#options;
	#backendDrivers;
	#keeper;
	#table = new LeaseTable();
	#node;
	/** Leased subnets outside the network, whose routes are ours all the same. */
	#outside = /* @__PURE__ */ new Map();
	#leasesAsOf;
	#storeError;
	/**
	* Acquires a lease and makes the drivers hold what this node needs whatever its peers. Rejects, and leaves no
	* driver of the backend open, where that fails; a lease that was acquired is kept for the next try.
	*/
	static async join(options, signal) {
		const { subnets, backend, drivers, observer } = options;
		for (const driver of drivers) {
			const warnings = await driver.check?.(backend.requires ?? [], { signal });
			for (const warning of warnings ?? []) observer.warning(warning);
		}
		const config = await subnets.getNetworkConfig({ signal });
		checkBackend(config, backend);
		for (const key of config.unknownKeys) observer.warning(`the network config's key '${key}' means nothing and is passed over: is it mistyped?`);
		const found = options.externalInterface ?? await findExternalInterface(drivers, { signal });
		const node = nodeContext(config, found, options);
		for (const warning of backend.warnings?.(node) ?? []) observer.warning(warning);
		const member = new Member(options, config, node);
		try {
			await member.#begin(signal);
		} catch (error) {
			await disposeAll(member.#backendDrivers);
			throw error;
		}
		return member;
	}
	constructor(options, config, node) {
		const { backend, drivers, observer } = options;
		this.config = config;
		this.#options = options;
		this.#node = node;
		this.#backendDrivers = backend.drivers?.(node) ?? [];
		this.reconciler = new Reconciler({
			drivers: [...drivers, ...this.#backendDrivers],
			clock: options.clock,
			random: options.random,
			resyncInterval: options.resyncInterval,
			scope: () => this.#scope(),
			beforeRead: (abort) => this.#lookAtInterface(abort),
			onSync: (report) => observer.sync(report),
			onDrift: (drift) => observer.drift(drift),
			onError: (error) => observer.error(error)
		});
		this.#keeper = new LeaseKeeper({
			subnets: options.subnets,
			clock: options.clock,
			random: options.random,
			renewMargin: options.renewMargin,
			attributes: (held) => backend.attributes({
				...this.#node,
				previous: held
			}),
			previous: options.previous,
			onEvent: (event) => this.#onOwnLease(event),
			onError: (error) => observer.error(error)
		});
	}
	get lease() {
		return this.#keeper.lease;
	}
	/** The MTU for pods, in bytes. */
	get mtu() {
		return this.#options.backend.mtu(this.#node);
	}
	get #context() {
		return {
			...this.#node,
			lease: this.lease
		};
	}
	get externalInterface() {
		return this.#node.externalInterface;
	}
	get leases() {
		return this.#table.leases;
	}
	/** When the store last told anything (ms since the epoch), and what keeps it from telling more. */
	get store() {
		return {
			asOf: this.#leasesAsOf,
			error: this.#storeError
		};
	}
	/** Keeps the lease, follows the others' and reconciles, until the signal aborts. */
	async run(signal) {
		await Promise.all([
			this.#keeper.run(signal),
			this.#follow(signal),
			this.reconciler.run(signal)
		]);
	}
	/** Call once `run` has returned. */
	async leave({ cleanup, release }, options) {
		try {
			if (cleanup) await this.reconciler.removeAll(options);
			if (release) await this.#options.subnets.releaseLease(this.lease, options);
		} finally {
			await disposeAll(this.#backendDrivers);
		}
	}
	plan(options) {
		return this.reconciler.plan(options);
	}
	async #begin(signal) {
		await this.#keeper.acquire(signal);
		await this.reconciler.first({ signal });
		const local = new Set(this.reconciler.wishes.of(THIS_NODE).map(({ key }) => key));
		const failure = this.reconciler.status.failures.find(({ key }) => local.has(key));
		if (failure !== void 0) throw failure.error;
	}
	#onOwnLease(event) {
		if (event.type === "acquired" || event.type === "changed") this.#wishAnew();
		this.#options.observer.lease(event);
	}
	/** Asks the backend for everything again: what this node is, or holds, may change what any lease calls for. */
	#wishAnew() {
		const [alias = ""] = networksOf(this.config).map(ownershipAlias);
		this.reconciler.wishes.set(THIS_NODE, marked(this.#options.backend.local(this.#context), alias));
		for (const [key, lease] of this.#table.leases) this.#wishFor(key, lease);
	}
	/** Follows everyone's leases. A watch that ends is opened again: no store's fault ends the overlay. */
	async #follow(signal) {
		const { subnets, clock } = this.#options;
		while (!signal.aborted) {
			try {
				for await (const event of subnets.watchLeases({
					signal,
					onError: (error) => this.#onStoreError(error),
					onRecovered: () => this.#onStoreAnswer()
				})) this.#onLeases(event);
			} catch (error) {
				if (!signal.aborted) this.#onStoreError(error);
			}
			await clock.sleep(REWATCH_DELAY, { signal }).catch(() => void 0);
		}
	}
	#onStoreError(thrown) {
		const error = OverlayError.from(thrown, "STORE_UNAVAILABLE", `watching leases in ${this.#options.subnets.name}`);
		if (error.code !== "INVALID_LEASE") this.#storeError = error;
		this.#options.observer.error(error);
	}
	/** What is known of the leases is so now. */
	#onStoreAnswer() {
		this.#leasesAsOf = this.#options.clock.now();
		this.#storeError = void 0;
	}
	#onLeases(event) {
		this.#onStoreAnswer();
		const own = this.lease;
		const ownKey = leaseKey(own);
		for (const change of this.#table.take(event)) {
			const key = leaseKey(change.lease);
			const role = roleOf(change.lease, own);
			this.#wishFor(key, this.#table.leases.get(key));
			if (role === "peer") this.#options.observer.peer(change);
			if (role === "taken" && change.type === "put") this.#keeper.lost();
			if (role === "own" && change.type === "put") this.#keeper.observe(change.lease);
			if (key === ownKey && change.type === "delete") this.#keeper.lost();
		}
		if (event.type === "snapshot") {
			if (!this.#table.leases.has(ownKey)) this.#keeper.lost();
			this.reconciler.openGate();
		}
	}
	#wishFor(key, lease) {
		this.#outside.delete(key);
		this.reconciler.wishes.set(key, lease === void 0 ? [] : this.#callsFor(key, lease));
	}
	/** The resources that one lease calls for. A lease that makes no sense calls for none, and disturbs no other. */
	#callsFor(key, lease) {
		const role = roleOf(lease, this.lease);
		if (role !== "peer") {
			const refused = refusal(lease, role, this.lease);
			if (refused !== void 0) this.#options.observer.error(refused);
			return [];
		}
		const outside = subnetsOutside(this.config, lease);
		if (outside.length > 0) this.#outside.set(key, outside);
		try {
			return this.#options.backend.peer(lease, this.#context);
		} catch (error) {
			this.#options.observer.error(OverlayError.from(error, "INVALID_LEASE", `lease ${key}`));
			return [];
		}
	}
	#scope() {
		const { previous } = this.#options;
		const before = [previous?.network, previous?.ipv6Network].filter((network) => network !== void 0);
		const networks = [...networksOf(this.config), ...before];
		const links = this.reconciler.wishes.of(THIS_NODE).filter(({ kind }) => kind === "link");
		return {
			aliases: networks.map(ownershipAlias),
			links: links.map(({ key }) => key.slice(5)),
			networks: [...networks, ...[...this.#outside.values()].flat()]
		};
	}
	/** The external interface's MTU and addresses are part of what is wished: look again before each read. */
	async #lookAtInterface(options) {
		const { externalInterface: given, drivers, backend, observer } = this.#options;
		if (given !== void 0) return;
		try {
			const found = await findExternalInterface(drivers, options);
			if (JSON.stringify(found) === JSON.stringify(this.#node.externalInterface)) return;
			const node = nodeContext(this.config, found, this.#options);
			const [before, mtu] = [this.mtu, backend.mtu(node)];
			backend.local({
				...node,
				lease: this.lease
			});
			this.#node = node;
			this.#wishAnew();
			this.#keeper.republish();
			if (mtu !== before) observer.mtu(mtu);
		} catch (error) {
			if (options.signal?.aborted) throw error;
			observer.error(OverlayError.from(error, "INTERFACE_NOT_FOUND", "looking at the external interface"));
		}
	}
};
/** A network made for one backend does not work with another: say so before anything is changed. */
function checkBackend({ backend: wanted }, { type }) {
	if (wanted === void 0 || wanted.type === type) return;
	throw new OverlayError("INVALID_CONFIG", `the network config's Backend.Type is '${wanted.type}', but this overlay is composed with '${type}': compose it with the other backend, or change the config`);
}
/** Disposes of each, whatever the others do, and throws the first failure at the end. */
async function disposeAll(disposables) {
	const results = await Promise.allSettled(disposables.map((disposable) => disposable[Symbol.asyncDispose]()));
	for (const result of results) if (result.status === "rejected") throw result.reason;
}

// packages/core/dist/subnet-env.js
/** The file's text as flannel writes it: same lines, same order, the first address of a subnet rather than its base. */
function formatSubnetEnv(config, env) {
	const lines = [];
	if (config.ipv4 !== void 0 && env.subnet !== void 0) lines.push(`FLANNEL_NETWORK=${config.ipv4.network}`, `FLANNEL_SUBNET=${firstAddress(env.subnet)}`);
	if (config.ipv6 !== void 0 && env.ipv6Subnet !== void 0) lines.push(`FLANNEL_IPV6_NETWORK=${config.ipv6.network}`, `FLANNEL_IPV6_SUBNET=${firstAddress(env.ipv6Subnet)}`);
	lines.push(`FLANNEL_MTU=${env.mtu}`, `FLANNEL_IPMASQ=${env.ipMasq}`);
	return `${lines.join("\n")}\n`;
}
/** `10.244.5.1/24` of `10.244.5.0/24`. */
function firstAddress(subnet) {
	return `${addressAt(subnet, 1n)}/${requireCidr(subnet).length}`;
}
/**
* Reads the text of a subnet.env, by whatever hand it was written: unknown lines and lines that hold no CIDR are
* passed over, since the subnets in it are only ever a preference.
*/
function parseSubnetEnv(text) {
	const values = /* @__PURE__ */ new Map();
	for (const line of text.split("\n")) {
		const [, name = "", value = ""] = /^\s*(FLANNEL_\w+)\s*=\s*"?([^"\s]*)"?\s*$/.exec(line) ?? [];
		values.set(name, value);
	}
	const cidr = (name, family) => {
		const parsed = parseCidr(values.get(name) ?? "");
		return parsed?.family === family ? formatCidr(parsed) : void 0;
	};
	const mtu = Number(values.get("FLANNEL_MTU"));
	const ipMasq = values.get("FLANNEL_IPMASQ");
	return {
		network: cidr("FLANNEL_NETWORK", 4),
		subnet: cidr("FLANNEL_SUBNET", 4),
		ipv6Network: cidr("FLANNEL_IPV6_NETWORK", 6),
		ipv6Subnet: cidr("FLANNEL_IPV6_SUBNET", 6),
		...Number.isInteger(mtu) && mtu > 0 && { mtu },
		...ipMasq !== void 0 && { ipMasq: ipMasq === "true" }
	};
}
/** Reads a subnet.env file; undefined where there is none. Other failures to read are thrown as they come. */
async function readSubnetEnv(path, fs = nodeFs) {
	try {
		return parseSubnetEnv(await fs.readFile(path, "utf8"));
	} catch (error) {
		if (error instanceof Error && "code" in error && error.code === "ENOENT") return void 0;
		throw error;
	}
}
/**
* Writes a subnet.env so that a reader sees the old text or the new one and never a part: beside it, flushed to disk,
* then renamed over it. Mode 0644. Makes the folder. On failure the old file stands and nothing is left beside it.
*/
async function writeSubnetEnv(path, text, fs = nodeFs) {
	await fs.mkdir(dirname(path), { recursive: true });
	const beside = `${path}.${randomUUID()}`;
	try {
		const file = await fs.open(beside, "wx", 420);
		try {
			await file.chmod(420);
			await file.writeFile(text);
			await file.sync();
		} finally {
			await file.close();
		}
		await fs.rename(beside, path);
	} catch (error) {
		await fs.rm(beside, { force: true }).catch(() => void 0);
		throw error;
	}
}

// packages/core/dist/overlay.js
const DEFAULT_RENEW_MARGIN = 36e5;
const DEFAULT_RESYNC_INTERVAL = 6e4;
/** Composes an overlay. Nothing happens until `start`. */
function createOverlay(options) {
	return new Overlay(options);
}
/**
* One node's part in one network: it holds a lease, and keeps the drivers holding what all leases together call for.
* Several may live in one process, each with a network of its own.
*/
var Overlay = class extends GuardedEmitter {
	#options;
	#abort = new AbortController();
	#state = "idle";
	#member;
	#lease;
	#starting;
	#running;
	#stopping;
	constructor(options) {
		super();
		this.#options = options;
	}
	/** This node's lease. Throws a TypeError before there is one: before `start` has resolved, or the first `lease`. */
	get lease() {
		if (this.#lease === void 0) throw new TypeError("there is no lease yet: start() has not resolved");
		return this.#lease;
	}
	/** The MTU for pods, in bytes. Throws a TypeError before `start` has resolved. */
	get mtu() {
		return this.#joined.mtu;
	}
	/** The network's config. Throws a TypeError before `start` has resolved. */
	get config() {
		return this.#joined.config;
	}
	/** The interface that packets to peers leave by. Throws a TypeError before `start` has resolved. */
	get externalInterface() {
		return this.#joined.externalInterface;
	}
	/** Every lease in the store, by its key, as last told. Empty before `start` has resolved. */
	get leases() {
		return this.#member?.leases ?? /* @__PURE__ */ new Map();
	}
	get status() {
		const { asOf, error } = this.#member?.store ?? {};
		const held = this.#member?.reconciler.status ?? {
			inSync: false,
			wanted: 0,
			held: 0,
			failures: []
		};
		return {
			state: this.#state,
			leases: this.leases.size,
			leasesAsOf: asOf,
			storeError: error,
			...held
		};
	}
	/**
	* Acquires a lease and makes the drivers hold what this node needs whatever its peers, then returns and follows the
	* peers in the background; `whenInSync` waits for these. The signal aborts the start alone.
	*
	* Where it rejects, what it had begun is undone, and it may be called again; a lease that it had acquired stays this
	* node's. Privileges and kernel features that are missing are found first (`ACCESS_DENIED`, `UNSUPPORTED`).
	*/
	async start({ signal } = {}) {
		if (this.#state === "stopping" || this.#state === "stopped") throw new OverlayError("CLOSED", "this overlay was stopped: create another");
		if (this.#state !== "idle") throw new TypeError("start() was called before, and once is enough");
		this.#enter("starting");
		const either = signal === void 0 ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal]);
		this.#starting = this.#join(either);
		await this.#starting;
	}
	/**
	* Stops. By default what the drivers hold stays, so that traffic goes on flowing, and the lease stays this node's
	* until it ends. Disposes of the store and the drivers. Calling it again waits for the same end.
	*/
	stop(options = {}) {
		this.#stopping ??= this.#stop(options);
		return this.#stopping;
	}
	[Symbol.asyncDispose]() {
		return this.stop();
	}
	/**
	* Resolves once the drivers hold what all known leases call for, and nothing else of ours, as far as this overlay
	* has heard: the kernel may not have told of somebody's change of a moment ago. `resync` looks for itself.
	*/
	async whenInSync(options = {}) {
		const { signal } = options;
		const either = signal === void 0 ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal]);
		await this.#joined.reconciler.whenInSync({ signal: either });
	}
	/** Reads everything again now, rather than at the next notification or timer; resolves once in sync. */
	resync(options = {}) {
		this.#joined.reconciler.resync();
		const inSync = this.whenInSync(options);
		inSync.catch(() => void 0);
		return inSync;
	}
	/** Reads everything and tells what would be written now, in order; changes nothing. */
	async plan(options = {}) {
		return this.#joined.plan(options);
	}
	/** The text of a subnet.env for this node. */
	subnetEnv({ ipMasq }) {
		return formatSubnetEnv(this.config, {
			...this.lease,
			mtu: this.mtu,
			ipMasq
		});
	}
	get #joined() {
		if (this.#member === void 0) throw new TypeError("start() has not resolved yet");
		return this.#member;
	}
	async #join(signal) {
		const options = this.#options;
		try {
			this.#member = await Member.join({
				subnets: options.subnets,
				backend: options.backend,
				drivers: options.drivers,
				externalInterface: options.externalInterface,
				publicIp: options.publicIp,
				publicIpv6: options.publicIpv6,
				previous: options.previous,
				renewMargin: options.renewMargin ?? DEFAULT_RENEW_MARGIN,
				resyncInterval: options.resyncInterval ?? DEFAULT_RESYNC_INTERVAL,
				clock: options.clock ?? systemClock,
				random: options.random ?? Math.random,
				observer: {
					lease: (event) => {
						this.#lease = event.lease;
						this.emit("lease", event);
					},
					peer: (event) => this.emit("peer", event),
					sync: (report) => this.emit("sync", report),
					drift: (drift) => this.emit("drift", drift),
					mtu: (mtu) => this.emit("mtu", mtu),
					error: (error) => this.emit("error", error),
					warning: (text) => this.emit("warning", text)
				}
			}, signal);
		} catch (error) {
			if (this.#state === "starting") this.#enter("idle");
			throw error;
		}
		this.#running = this.#member.run(this.#abort.signal);
		if (this.#state === "starting") this.#enter("running");
	}
	async #stop({ cleanup = false, release = false, signal }) {
		this.#enter("stopping");
		this.#abort.abort(new OverlayError("CLOSED", "this overlay was stopped"));
		await this.#starting?.catch(() => void 0);
		await this.#running;
		try {
			await this.#member?.leave({
				cleanup,
				release
			}, { signal });
		} finally {
			await disposeAll([...this.#options.drivers, this.#options.subnets]).finally(() => this.#enter("stopped"));
		}
	}
	#enter(state) {
		this.#state = state;
		this.emit("status", state);
	}
};

export { leaseKey as A, parseAddress as B, isJsonObject as C, chooseSubnets as D, systemClock as E, canonicalAddress as F, backoffDelay as G, requireCidr as H, canonicalCidr as I, contains as L, sameLease as M, sameNode as N, decodeLeaseAttributes as O, baseAddress as P, familyOf as R, invalidField as S, unknownKeyWarnings as T, OverlayError as U, parseCidr as V, isOverlayError as W, IPV6_PARTS as _, fdb as a, booleanField as b, neighbour as c, interfaceAddress as d, isOnLink as f, IPV4_PARTS as g, Wake as h, address as i, parseLeaseKey as j, encodeLeaseAttributes as k, route as l, publicAddresses as m, readSubnetEnv as n, link as o, peerAddresses as p, writeSubnetEnv as r, linkChange as s, createOverlay as t, describeLease as u, enabledFamilies as v, readFields as w, integerField as x, parseNetworkConfig as y, formatAddress as z };