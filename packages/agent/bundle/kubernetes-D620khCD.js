import { A as leaseKey, B as parseAddress, C as isJsonObject, E as systemClock, G as backoffDelay, H as requireCidr, I as canonicalCidr, L as contains, M as sameLease, N as sameNode, U as OverlayError, V as parseCidr, _ as IPV6_PARTS, g as IPV4_PARTS, h as Wake, v as enabledFamilies, y as parseNetworkConfig, z as formatAddress } from "./dist-CuTn3iPo.js";
import { r as targetOf, t as TargetConnector } from "./target-connector-1JcLXyj6.js";
import { readFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { Agent as Agent$1, request as request$1 } from "node:https";

// packages/store-kube/dist/access.js
/** Where the kubelet mounts a pod's service account. */
const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
/** The access that a pod has by its service account. */
function podAccess({ host, port, serviceAccountFolder = SERVICE_ACCOUNT_FOLDER }) {
	return {
		apiUrl: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
		caFile: `${serviceAccountFolder}/ca.crt`,
		tokenFile: `${serviceAccountFolder}/token`
	};
}

// packages/store-kube/dist/annotations.js
/** flannel's. */
const DEFAULT_ANNOTATION_PREFIX = "flannel.alpha.coreos.com";
/** What a node publishes of itself, without the prefix. */
const PUBLISHED = [
	"kube-subnet-manager",
	"backend-type",
	"backend-data",
	"backend-v6-data",
	"public-ip",
	"public-ipv6"
];
/** What people set on a node, without the prefix: never written or removed here. */
const SET_BY_PEOPLE = [
	"public-ip-overwrite",
	"public-ipv6-overwrite",
	"node-public-ip",
	"node-public-ipv6"
];
const NAMES = /* @__PURE__ */ new Set([...PUBLISHED, ...SET_BY_PEOPLE]);
const isAnnotationName = (name) => NAMES.has(name);
/** A DNS name, a slash and, where it does not end there, a word that ends in a hyphen: flannel's own rule. */
const FULL_PREFIX = /^(?:[a-z0-9_-]+\.)+[a-z0-9_-]+\/(?:[a-z0-9_-]+-)?$/;
/**
* What the annotations' names begin with: `example.com` gives `example.com/`, and `example.com/blue` gives
* `example.com/blue-`. Throws an OverlayError `INVALID_CONFIG` for what cannot begin an annotation's name.
*/
function fullPrefix(prefix) {
	const slashed = prefix.includes("/") ? prefix : `${prefix}/`;
	const full = slashed.endsWith("/") || slashed.endsWith("-") ? slashed : `${slashed}-`;
	if (FULL_PREFIX.test(full)) return full;
	throw new OverlayError("INVALID_CONFIG", `the annotation prefix is '${prefix}', but must be a domain such as ${DEFAULT_ANNOTATION_PREFIX}, of lower-case letters, digits, hyphens and underscores, which at most one slash and one more such word may follow`);
}

// packages/store-kube/dist/connection.js
/** A dead peer is found after this long, in ms, and ten probes more, a second apart. */
const TCP_KEEPALIVE = 15e3;
/**
* Keeps one agent, and with it the connections to the API server, until what it was made of changes. A request under
* way keeps the agent that it began with.
*/
var AgentKeeper = class {
	#agent;
	#madeOf;
	#retired = [];
	/** @param make makes the agent, where it is not to be made of `tls` alone: for proxies */
	agentFor(url, tls, make) {
		const madeOf = JSON.stringify([
			url.protocol,
			make !== void 0,
			Object.values(tls).map(String)
		]);
		if (this.#agent !== void 0 && this.#madeOf === madeOf) return this.#agent;
		this.#retire();
		const options = {
			keepAlive: true,
			keepAliveMsecs: TCP_KEEPALIVE
		};
		this.#agent = make?.() ?? (url.protocol === "http:" ? new Agent(options) : new Agent$1({
			...options,
			...tls
		}));
		this.#madeOf = madeOf;
		return this.#agent;
	}
	close() {
		this.#agent?.destroy();
		for (const agent of this.#retired) agent.destroy();
	}
	#retire() {
		if (this.#agent === void 0) return;
		this.#agent.maxFreeSockets = 0;
		for (const sockets of Object.values(this.#agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
		this.#retired = [...this.#retired, this.#agent].filter(({ sockets }) => Object.keys(sockets).length > 0);
	}
};

// packages/store-kube/dist/api-error.js
/** An answer of the API server other than what was asked for. */
var ApiError = class extends OverlayError {
	/** The HTTP status, or that of a watch's error event. */
	status;
	/** How long the server asks to wait, in ms. */
	retryAfter;
	constructor(attempted, status, retryAfter) {
		super(codeOf(status.code), `${attempted}: the API server answered ${describe(status)}${advice(status.code)}`);
		this.status = status;
		this.retryAfter = retryAfter;
	}
};
const isApiError = (error, ...codes) => error instanceof ApiError && (codes.length === 0 || codes.includes(error.status.code));
/** What the server no longer holds, or does not hold yet: list again. */
const isGone = (error) => isApiError(error, 410) || error instanceof ApiError && error.status.reason === "Expired";
function codeOf(status) {
	if (status === 401 || status === 403) return "ACCESS_DENIED";
	return "STORE_UNAVAILABLE";
}
function describe({ code, reason, message }) {
	return [`${code}${reason === "" ? "" : ` ${reason}`}`, message].filter((part) => part !== "").join(", ");
}
function advice(code) {
	if (code === 401) return "; check the token or client certificate, and whether it has ended";
	if (code === 403) return "; its role must allow get, list and watch of nodes, patch of nodes/status, and get of pods where the node is found by its pod";
	return "";
}

// packages/store-kube/dist/protobuf.js
/** Wire types (protobuf.dev, "Encoding"). Groups are not used by Kubernetes. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED$1 = 2;
const FIXED32 = 5;
/** The bytes are no protobuf message, or end in the midst of one. */
var ProtobufError = class extends Error {
	name = "ProtobufError";
};
/**
* Steps through the fields of one protobuf message without copying or decoding any but those that are asked for:
*
* ```ts
* const fields = new FieldReader(bytes)
* while (fields.next()) if (fields.number === 1) name = fields.text()
* ```
*/
var FieldReader = class FieldReader {
	bytes;
	/** The field's number. */
	number = 0;
	/** Where the field's bytes are; of a number, where it stands in varint form. */
	start = 0;
	end = 0;
	#position;
	#limit;
	constructor(bytes, start = 0, end = bytes.length) {
		this.bytes = bytes;
		this.#position = start;
		this.#limit = end;
	}
	/** Moves to the next field; false where there is none. Throws a ProtobufError for what is no message. */
	next() {
		if (this.#position >= this.#limit) return false;
		const tag = this.#varint();
		this.number = Math.floor(tag / 8);
		const wireType = tag % 8;
		const length = this.#lengthOf(wireType);
		this.start = this.#position;
		this.end = this.start + length;
		if (this.end > this.#limit) throw new ProtobufError(`field ${this.number} is cut short`);
		this.#position = this.end;
		return true;
	}
	/** The field as text. */
	text() {
		return this.bytes.toString("utf8", this.start, this.end);
	}
	/** The field as a message. */
	message() {
		return new FieldReader(this.bytes, this.start, this.end);
	}
	/** The field, which is a varint, as a number. */
	varint() {
		return readVarint(this.bytes, this.start, this.end).value;
	}
	/** True where the field's bytes begin with these. */
	startsWith(prefix) {
		return this.end - this.start >= prefix.length && this.bytes.compare(prefix, 0, prefix.length, this.start, this.start + prefix.length) === 0;
	}
	#lengthOf(wireType) {
		if (wireType === LENGTH_DELIMITED$1) return this.#varint();
		if (wireType === VARINT) return readVarint(this.bytes, this.#position, this.#limit).length;
		if (wireType === FIXED64) return 8;
		if (wireType === FIXED32) return 4;
		throw new ProtobufError(`field ${this.number} is of the wire type ${wireType}`);
	}
	#varint() {
		const { value, length } = readVarint(this.bytes, this.#position, this.#limit);
		this.#position += length;
		return value;
	}
};
/** The longest varint, in bytes: 64 bits of 7 each. */
const LONGEST_VARINT = 10;
/**
* A varint and how many bytes it takes. Above 2^53 the value is not exact, which lengths and codes never are. Throws a
* ProtobufError where it does not end before `limit`.
*/
function readVarint(bytes, start, limit) {
	let value = 0;
	let scale = 1;
	for (let length = 1; length <= 10 && start + length <= limit; length += 1) {
		const byte = bytes[start + length - 1] ?? 0;
		value += (byte & 127) * scale;
		if (byte < 128) return {
			value,
			length
		};
		scale *= 128;
	}
	throw new ProtobufError("a number does not end");
}

// packages/store-kube/dist/kubernetes-protobuf.js
/**
* The parts of the API's protobuf messages that a lease needs. Field numbers never change within an API version; they
* are those of `generated.proto` in k8s.io/apimachinery/pkg/runtime, …/apis/meta/v1 and k8s.io/api/core/v1.
*/
const UNKNOWN = { raw: 2 };
const LIST_META = {
	resourceVersion: 2,
	continue: 3
};
const OBJECT_META = {
	name: 1,
	uid: 5,
	resourceVersion: 6,
	created: 8,
	annotations: 12
};
const TIME = { seconds: 1 };
const MAP_ENTRY = {
	key: 1,
	value: 2
};
const NODE = {
	metadata: 1,
	spec: 2
};
const NODE_SPEC = {
	podCidr: 1,
	podCidrs: 7
};
const STATUS = {
	message: 3,
	reason: 4,
	code: 6
};
const WATCH_EVENT = {
	type: 1,
	object: 2
};
const RAW_EXTENSION = { raw: 1 };
/** What every object in storage encoding begins with; the object follows, wrapped in a runtime.Unknown. */
const MAGIC = Buffer.from("k8s\0", "latin1");
/** Where the parts of a NodeList are found while it is still arriving. */
const NODE_LIST = {
	unknownRaw: UNKNOWN.raw,
	metadata: 1,
	items: 2
};
const NO_METADATA = {
	name: "",
	uid: "",
	resourceVersion: "",
	created: 0,
	annotations: {}
};
/** Reads nodes, and of their annotations only those under one prefix. */
var NodeDecoder = class {
	#prefix;
	/** @param prefix such as `flannel.alpha.coreos.com/` */
	constructor(prefix) {
		this.#prefix = Buffer.from(prefix);
	}
	/** An answer that is one Node. */
	decodeNode(body) {
		return this.#node(unwrap(body));
	}
	/** One item of a NodeList: a bare Node. */
	decodeItem(item) {
		return this.#node(new FieldReader(item));
	}
	/** One frame of a watch. */
	decodeWatchEvent(frame) {
		const fields = new FieldReader(frame);
		let type = "";
		let object;
		while (fields.next()) {
			if (fields.number === WATCH_EVENT.type) type = fields.text();
			if (fields.number === WATCH_EVENT.object) object = rawExtension(fields.message());
		}
		if (object === void 0) throw new ProtobufError(`a watch event of type '${type}' without an object`);
		switch (type) {
			case "ADDED":
			case "MODIFIED":
			case "DELETED": return {
				type,
				node: this.#node(object)
			};
			case "BOOKMARK": return {
				type,
				resourceVersion: this.#node(object).resourceVersion
			};
			case "ERROR": return {
				type,
				status: readStatus(object)
			};
			default: throw new ProtobufError(`a watch event of type '${type}'`);
		}
	}
	#node(fields) {
		let metadata = NO_METADATA;
		let podCidrs = [];
		while (fields.next()) {
			if (fields.number === NODE.metadata) metadata = this.#metadata(fields.message());
			if (fields.number === NODE.spec) podCidrs = readPodCidrs(fields.message());
		}
		return {
			...metadata,
			podCidrs
		};
	}
	#metadata(fields) {
		let name = "";
		let uid = "";
		let resourceVersion = "";
		let created = 0;
		const annotations = {};
		while (fields.next()) switch (fields.number) {
			case OBJECT_META.name:
				name = fields.text();
				break;
			case OBJECT_META.uid:
				uid = fields.text();
				break;
			case OBJECT_META.resourceVersion:
				resourceVersion = fields.text();
				break;
			case OBJECT_META.created:
				created = readSeconds(fields.message());
				break;
			case OBJECT_META.annotations: {
				const entry = this.#annotation(fields.message());
				if (entry !== void 0) annotations[entry.name] = entry.value;
			}
		}
		return {
			name,
			uid,
			resourceVersion,
			created,
			annotations
		};
	}
	#annotation(entry) {
		let name;
		let value = "";
		while (entry.next()) {
			if (entry.number === MAP_ENTRY.key) {
				if (!entry.startsWith(this.#prefix)) return void 0;
				const rest = entry.bytes.toString("utf8", entry.start + this.#prefix.length, entry.end);
				if (!isAnnotationName(rest)) return void 0;
				name = rest;
			}
			if (entry.number === MAP_ENTRY.value) value = entry.text();
		}
		return name === void 0 ? void 0 : {
			name,
			value
		};
	}
};
/** An answer that is a Status. */
const decodeStatus = (body) => readStatus(unwrap(body));
/** The metadata of a list. */
function decodeListMeta(message) {
	const fields = new FieldReader(message);
	const meta = {
		resourceVersion: "",
		continue: ""
	};
	while (fields.next()) {
		if (fields.number === LIST_META.resourceVersion) meta.resourceVersion = fields.text();
		if (fields.number === LIST_META.continue) meta.continue = fields.text();
	}
	return meta;
}
/** The object inside the storage encoding. */
function unwrap(bytes, start = 0, end = bytes.length) {
	if (bytes.compare(MAGIC, 0, MAGIC.length, start, Math.min(end, start + MAGIC.length)) !== 0) throw new ProtobufError("an object that does not begin with k8s\\0");
	const fields = new FieldReader(bytes, start + MAGIC.length, end);
	while (fields.next()) if (fields.number === UNKNOWN.raw) return fields.message();
	return new FieldReader(bytes, end, end);
}
function rawExtension(fields) {
	while (fields.next()) if (fields.number === RAW_EXTENSION.raw) return unwrap(fields.bytes, fields.start, fields.end);
}
function readPodCidrs(fields) {
	let first = "";
	const all = [];
	while (fields.next()) {
		if (fields.number === NODE_SPEC.podCidr) first = fields.text();
		if (fields.number === NODE_SPEC.podCidrs) all.push(fields.text());
	}
	return all.length > 0 || first === "" ? all : [first];
}
function readSeconds(time) {
	while (time.next()) if (time.number === TIME.seconds) return time.varint();
	return 0;
}
function readStatus(fields) {
	const status = {
		code: 0,
		reason: "",
		message: ""
	};
	while (fields.next()) {
		if (fields.number === STATUS.code) status.code = fields.varint();
		if (fields.number === STATUS.reason) status.reason = fields.text();
		if (fields.number === STATUS.message) status.message = fields.text();
	}
	return status;
}

// packages/store-kube/dist/kube-api.js
var __addDisposableResource = void 0 && (void 0).__addDisposableResource || function(env, value, async) {
	if (value !== null && value !== void 0) {
		if (typeof value !== "object" && typeof value !== "function") throw new TypeError("Object expected.");
		var dispose, inner;
		if (async) {
			if (!Symbol.asyncDispose) throw new TypeError("Symbol.asyncDispose is not defined.");
			dispose = value[Symbol.asyncDispose];
		}
		if (dispose === void 0) {
			if (!Symbol.dispose) throw new TypeError("Symbol.dispose is not defined.");
			dispose = value[Symbol.dispose];
			if (async) inner = dispose;
		}
		if (typeof dispose !== "function") throw new TypeError("Object not disposable.");
		if (inner) dispose = function() {
			try {
				inner.call(this);
			} catch (e) {
				return Promise.reject(e);
			}
		};
		env.stack.push({
			value,
			dispose,
			async
		});
	} else if (async) env.stack.push({ async: true });
	return value;
};
var __disposeResources = void 0 && (void 0).__disposeResources || (function(SuppressedError) {
	return function(env) {
		function fail(e) {
			env.error = env.hasError ? new SuppressedError(e, env.error, "An error was suppressed during disposal.") : e;
			env.hasError = true;
		}
		var r, s = 0;
		function next() {
			while (r = env.stack.pop()) try {
				if (!r.async && s === 1) return s = 0, env.stack.push(r), Promise.resolve().then(next);
				if (r.dispose) {
					var result = r.dispose.call(r.value);
					if (r.async) return s |= 2, Promise.resolve(result).then(next, function(e) {
						fail(e);
						return next();
					});
				} else s |= 1;
			} catch (e) {
				fail(e);
			}
			if (s === 1) return env.hasError ? Promise.reject(env.error) : Promise.resolve();
			if (env.hasError) throw env.error;
		}
		return next();
	};
})(typeof SuppressedError === "function" ? SuppressedError : function(error, suppressed, message) {
	var e = new Error(message);
	return e.name = "SuppressedError", e.error = error, e.suppressed = suppressed, e;
});
const PROTOBUF = "application/vnd.kubernetes.protobuf";
const PROTOBUF_WATCH = "application/vnd.kubernetes.protobuf;stream=watch";
const STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json";
const JSON_TYPE = "application/json";
/** A Status is short; whatever else a proxy in between says is not worth more. */
const LONGEST_EXPLANATION = 16384;
/** Errors that a connection kept open meets where the server closed it just before: another one may do. */
const STALE_CONNECTION = /* @__PURE__ */ new Set(["ECONNRESET", "EPIPE"]);
/**
* Requests to the API server. Each rejects with an OverlayError: `STORE_UNAVAILABLE` where there is no answer,
* `ACCESS_DENIED` for 401 and 403, `STORE_CORRUPT` where the answer cannot be read; or with the signal's reason.
*/
var KubeApi = class {
	#connector;
	#server = "the API server";
	constructor(connector) {
		this.#connector = connector;
	}
	/** Reads an answer as it arrives. */
	async read(request, reader) {
		try {
			const env_1 = {
				stack: [],
				error: void 0,
				hasError: false
			};
			try {
				return await reader(__addDisposableResource(env_1, await this.#open(request), true).chunks);
			} catch (e_1) {
				env_1.error = e_1;
				env_1.hasError = true;
			} finally {
				const result_1 = __disposeResources(env_1);
				if (result_1) await result_1;
			}
		} catch (error) {
			throw this.#failure(request, error);
		}
	}
	/** Yields what `reader` reads of an answer as it arrives. */
	async *stream(request, reader) {
		try {
			const env_2 = {
				stack: [],
				error: void 0,
				hasError: false
			};
			try {
				yield* reader(__addDisposableResource(env_2, await this.#open(request), true).chunks);
			} catch (e_2) {
				env_2.error = e_2;
				env_2.hasError = true;
			} finally {
				const result_2 = __disposeResources(env_2);
				if (result_2) await result_2;
			}
		} catch (error) {
			throw this.#failure(request, error);
		}
	}
	/** What `decode` makes of a short answer. */
	fetch(request, decode) {
		return this.read(request, async (chunks) => {
			const all = [];
			for await (const chunk of chunks) all.push(chunk);
			return decode(Buffer.concat(all));
		});
	}
	/** A short answer in JSON. */
	fetchJson(request) {
		return this.fetch({
			...request,
			accept: JSON_TYPE
		}, (body) => JSON.parse(body.toString()));
	}
	close() {
		this.#connector.close();
	}
	async #open(request) {
		const response = await this.#send(request);
		if (response.ok) return response;
		const error = await explain(this.#describe(request), response);
		if (error.status.code !== 401) throw error;
		this.#connector.forget();
		const second = await this.#send(request);
		if (second.ok) return second;
		throw await explain(this.#describe(request), second);
	}
	async #send(request) {
		try {
			return await this.#sendOnce(request);
		} catch (error) {
			if (!(error instanceof StaleConnection)) throw error;
			return await this.#sendOnce(request);
		}
	}
	async #sendOnce({ method, path, accept, body, signal, patience }) {
		const { url, agent, headers } = await this.#connector.connect();
		this.#server = url.origin;
		signal.throwIfAborted();
		const call = (url.protocol === "http:" ? request : request$1)({
			protocol: url.protocol,
			hostname: url.hostname.replace(/^\[|\]$/g, ""),
			port: url.port,
			path: `${url.pathname.replace(/\/$/, "")}${path}`,
			method,
			agent,
			headers: {
				...headers,
				accept,
				"user-agent": "selvedge",
				...body && {
					"content-type": body.type,
					"content-length": Buffer.byteLength(body.text)
				}
			}
		});
		const stop = () => call.destroy(/* @__PURE__ */ new Error("aborted"));
		signal.addEventListener("abort", stop, { once: true });
		const settle = () => signal.removeEventListener("abort", stop);
		try {
			return new Response(await responseTo(call, body?.text, patience), patience, settle);
		} catch (error) {
			settle();
			throw error;
		}
	}
	/** Says what was attempted; keeps errors that say so already, and the signal's reason as it is. */
	#failure(request, error) {
		if (request.signal.aborted) return request.signal.reason;
		if (error instanceof ProtobufError || error instanceof SyntaxError) {
			const said = `${this.#describe(request)}: the answer cannot be read: ${error.message}`;
			return new OverlayError("STORE_CORRUPT", said, { cause: error });
		}
		if (error instanceof OverlayError) return error;
		const cause = error instanceof StaleConnection ? error.cause : error;
		const said = cause instanceof Error ? cause.message : String(cause);
		return new OverlayError("STORE_UNAVAILABLE", `${this.#describe(request)}: ${said}; check that the API server runs, and can be reached from this node`, { cause });
	}
	#describe({ method, path }) {
		return `${method} ${path.split("?")[0]} of Kubernetes at ${this.#server}`;
	}
};
function responseTo(call, body, patience) {
	return new Promise((resolve, reject) => {
		const timer = setTimeout(() => call.destroy(silence(patience)), patience);
		call.on("socket", (socket) => socket.setKeepAlive(true, TCP_KEEPALIVE));
		call.on("response", (message) => {
			clearTimeout(timer);
			resolve(message);
		});
		call.on("error", (error) => {
			clearTimeout(timer);
			reject(call.reusedSocket && STALE_CONNECTION.has(String(Reflect.get(error, "code"))) ? new StaleConnection(error) : error);
		});
		call.end(body);
	});
}
var StaleConnection = class extends Error {
	name = "StaleConnection";
	constructor(cause) {
		super(cause.message, { cause });
	}
};
/** What the server answers, with a watch over its silences. */
var Response = class {
	chunks;
	#message;
	#settle;
	constructor(message, patience, settle) {
		this.#message = message;
		this.#settle = settle;
		this.chunks = patiently(message, patience);
	}
	get ok() {
		return this.code >= 200 && this.code < 300;
	}
	get code() {
		return this.#message.statusCode ?? 0;
	}
	header(name) {
		return this.#message.headers[name] ?? "";
	}
	async [Symbol.asyncDispose]() {
		this.#settle();
		if (!this.#message.complete) this.#message.destroy();
	}
};
/** Only the time in which a chunk is waited for counts: a reader may take as long as it likes. */
async function* patiently(message, patience) {
	const chunks = message[Symbol.asyncIterator]();
	for (;;) {
		const timer = setTimeout(() => message.destroy(silence(patience)), patience);
		const { value, done } = await chunks.next().finally(() => clearTimeout(timer));
		if (done === true) return;
		yield value;
	}
}
const silence = (patience) => /* @__PURE__ */ new Error(`no answer for ${patience / 1e3} s`);
/** The error that an answer of another status is. */
async function explain(attempted, response) {
	const env_3 = {
		stack: [],
		error: void 0,
		hasError: false
	};
	try {
		const stream = __addDisposableResource(env_3, response, true);
		const parts = [];
		let length = 0;
		for await (const chunk of stream.chunks) {
			parts.push(chunk);
			length += chunk.length;
			if (length > LONGEST_EXPLANATION) break;
		}
		const seconds = Number(response.header("retry-after"));
		const retryAfter = seconds > 0 ? seconds * 1e3 : void 0;
		return new ApiError(attempted, statusOf(response, Buffer.concat(parts)), retryAfter);
	} catch (e_3) {
		env_3.error = e_3;
		env_3.hasError = true;
	} finally {
		const result_3 = __disposeResources(env_3);
		if (result_3) await result_3;
	}
}
function statusOf(response, body) {
	const type = response.header("content-type");
	try {
		if (type.startsWith("application/vnd.kubernetes.protobuf")) return {
			...decodeStatus(body),
			code: response.code
		};
		if (type.startsWith(JSON_TYPE)) {
			const { reason, message } = Object(JSON.parse(body.toString()));
			return {
				code: response.code,
				reason: String(reason ?? ""),
				message: String(message ?? "")
			};
		}
	} catch {}
	return {
		code: response.code,
		reason: "",
		message: body.toString().trim().slice(0, 200)
	};
}

// packages/store-kube/dist/byte-stream.js
/** No object of the API comes near: etcd takes 1.5 MiB a request. A longer one is a stream that went out of step. */
const LONGEST_PIECE = 67108864;
/** Room for a chunk of TLS and a node or two. */
const FIRST_SIZE = 65536;
/**
* Takes pieces of known length off a stream of chunks of any length. All pass through one buffer: a list of nodes is
* hundreds of megabytes long, and a buffer for each node would be as much to collect.
*/
var ByteStream = class {
	#chunks;
	#buffer = Buffer.allocUnsafe(FIRST_SIZE);
	/** What of the buffer has arrived and was not taken yet. */
	#start = 0;
	#end = 0;
	constructor(chunks) {
		this.#chunks = chunks[Symbol.asyncIterator]();
	}
	/** The next `length` bytes, valid until the next call. Throws a ProtobufError where the stream ends before. */
	async take(length) {
		if (length > LONGEST_PIECE) throw new ProtobufError(`a piece of ${length} bytes`);
		if (this.#held < length) await this.#fill(length);
		if (this.#held < length) throw new ProtobufError("the answer is cut short");
		this.#start += length;
		return this.#buffer.subarray(this.#start - length, this.#start);
	}
	/** True where nothing is left. */
	async atEnd() {
		if (this.#held === 0) await this.#fill(1);
		return this.#held === 0;
	}
	/** The next number, and how many bytes it took. */
	async varint() {
		if (this.#held < 10) await this.#fill(10);
		const read = readVarint(this.#buffer, this.#start, this.#end);
		this.#start += read.length;
		return read;
	}
	get #held() {
		return this.#end - this.#start;
	}
	/** Reads on until `length` bytes are held, or the stream ends. */
	async #fill(length) {
		while (this.#held < length) {
			const { value, done } = await this.#chunks.next();
			if (done === true) return;
			this.#makeRoom(value.length);
			this.#end += value.copy(this.#buffer, this.#end);
		}
	}
	#makeRoom(length) {
		if (this.#end + length <= this.#buffer.length) return;
		const needed = this.#held + length;
		const size = 2 ** Math.ceil(Math.log2(needed));
		const buffer = needed <= this.#buffer.length ? this.#buffer : Buffer.allocUnsafe(size);
		this.#buffer.copy(buffer, 0, this.#start, this.#end);
		this.#end -= this.#start;
		this.#start = 0;
		this.#buffer = buffer;
	}
};

// packages/store-kube/dist/node-streams.js
/** Calls `onNode` with each node of a NodeList as it arrives; resolves to the list's metadata. */
async function readNodeList(chunks, decoder, onNode) {
	const stream = new ByteStream(chunks);
	if (!(await stream.take(MAGIC.length)).equals(MAGIC)) throw new ProtobufError("a list that does not begin with k8s\\0");
	let meta;
	while (!await stream.atEnd()) {
		const { number, length } = await readHead(stream);
		if (number !== NODE_LIST.unknownRaw) await stream.take(length);
		else meta = await readItems(stream, length, decoder, onNode);
	}
	if (meta === void 0) throw new ProtobufError("a list without its metadata");
	return meta;
}
async function readItems(stream, total, decoder, onNode) {
	let meta;
	for (let left = total; left > 0;) {
		const { number, length, size } = await readHead(stream);
		const piece = await stream.take(length);
		left -= size + length;
		if (number === NODE_LIST.metadata) meta = decodeListMeta(piece);
		if (number === NODE_LIST.items) onNode(decoder.decodeItem(piece));
	}
	return meta;
}
const LENGTH_DELIMITED = 2;
/** The head of a field: its number, how long its body is, and how many bytes the head itself took. */
async function readHead(stream) {
	const tag = await stream.varint();
	if (tag.value % 8 !== LENGTH_DELIMITED) throw new ProtobufError(`a list with a field tagged ${tag.value}`);
	const length = await stream.varint();
	return {
		number: Math.floor(tag.value / 8),
		length: length.value,
		size: tag.length + length.length
	};
}
/** The length that precedes each frame of a watch: 32 bits, big-endian. */
const FRAME_HEAD = 4;
/** The events of a watch, as they arrive. Ends with the stream. */
async function* readWatch(chunks, decoder) {
	const stream = new ByteStream(chunks);
	while (!await stream.atEnd()) {
		const length = (await stream.take(FRAME_HEAD)).readUInt32BE();
		yield decoder.decodeWatchEvent(await stream.take(length));
	}
}

// packages/store-kube/dist/follow-nodes.js
const NODES = "/api/v1/nodes";
/** How many nodes to ask for at a time: client-go's page. */
const PAGE = 500;
const BACKOFF$1 = {
	first: 500,
	most: 3e4
};
/** How long a watch lasts, in seconds: client-go's. */
const WATCH_TIMEOUT = {
	least: 300,
	spread: 300
};
/** How long a list may keep silent, in ms: the API server itself gives up after this long (`--request-timeout`). */
const LIST_PATIENCE = 6e4;
/** A watch that ends sooner, in ms, without having told anything, counts as a failure: it would be begun in a loop. */
const SHORTEST_WATCH = 1e3;
/**
* Follows the nodes of a cluster as client-go's reflector does, and with the same care for the API server. Yields a
* list first, and again wherever anything may have been missed. Ends when the signal aborts.
*
* - A list, then a watch from where it ended, for ever. One request at a time.
* - A watch that ends is begun again where it stopped: each event and each bookmark says where that is. Nothing is
*   listed again unless the server no longer holds that place (410), as after a restart or a compaction.
* - Lists come from the server's memory, and in pages where it reads etcd for them. They are decoded as they arrive:
*   the list of a large cluster is larger than this process should be.
* - Every watch lasts 5 to 10 minutes, drawn anew each time, so that the clients of a server that was restarted spread
*   over all servers again.
* - Failures are repeated after a delay that doubles from half a second to 30 s, half of it random. A server that says
*   how long to wait is waited for. A list after a 410 is delayed in the same way: all nodes get one at once.
* - A watch that is silent for too long is given up: a server sends a bookmark each minute.
*/
async function* followNodes(options) {
	const { signal, clock, random, observer } = options;
	const follower = new Follower(options);
	while (!signal.aborted) try {
		yield* follower.round();
	} catch (error) {
		if (signal.aborted) return;
		const inARow = follower.failed(error);
		if (!isGone(error) || inARow > 1) observer.failed(asOverlayError(error));
		const asked = error instanceof ApiError ? error.retryAfter ?? 0 : 0;
		const delay = Math.max(asked, backoffDelay(inARow, BACKOFF$1, random));
		await clock.sleep(delay, { signal }).catch(() => void 0);
	}
}
var Follower = class {
	#options;
	#listMode;
	/** Where to go on; undefined where a list must come first. */
	#position;
	/** Rounds in a row that failed, and that ended because the history was gone. */
	#failures = 0;
	#losses = 0;
	constructor(options) {
		this.#options = options;
		this.#listMode = options.firstList;
	}
	/** Takes note of a failed round; returns how many of its kind there were in a row. */
	failed(error) {
		this.#failures += 1;
		if (!isGone(error)) return this.#failures;
		this.#failures = 0;
		this.#position = void 0;
		this.#losses += 1;
		return this.#losses;
	}
	/** A list where one is needed, then one watch to its end. */
	async *round() {
		const { clock } = this.#options;
		let resumed = this.#failures > 0;
		if (this.#position === void 0) {
			const nodes = await this.#list();
			resumed = false;
			yield {
				type: "list",
				nodes
			};
		}
		const begin = clock.monotonic();
		let told = false;
		for await (const message of this.#watch()) {
			if (message.type !== "OPENED") {
				told = true;
				this.#succeeded();
			} else if (resumed) yield { type: "resumed" };
			if (message.type === "ADDED" || message.type === "MODIFIED") yield {
				type: "put",
				node: message.node
			};
			if (message.type === "DELETED") yield {
				type: "delete",
				node: message.node
			};
		}
		if (!told && clock.monotonic() - begin < SHORTEST_WATCH) throw new OverlayError("STORE_UNAVAILABLE", "the API server ended a watch of nodes as soon as it began");
		this.#succeeded();
	}
	#succeeded() {
		this.#failures = 0;
		this.#losses = 0;
	}
	async #list() {
		try {
			return await this.#listBy(this.#listMode);
		} catch (error) {
			if (this.#listMode.type === "quorum" || !(isGone(error) || isTooFarAhead(error))) throw error;
			return await this.#listBy({ type: "quorum" });
		}
	}
	async #listBy(mode) {
		const { api, decoder, signal, observer } = this.#options;
		const nodes = [];
		let meta = {
			resourceVersion: "",
			continue: ""
		};
		do {
			observer.asked("list");
			const path = this.#path(meta.continue === "" ? listParameters(mode) : nextPage(meta.continue));
			meta = await api.read({
				method: "GET",
				path,
				accept: PROTOBUF,
				signal,
				patience: LIST_PATIENCE
			}, (chunks) => readNodeList(chunks, decoder, (node) => nodes.push(node)));
			observer.heard();
		} while (meta.continue !== "");
		this.#goOnFrom(meta.resourceVersion);
		return nodes;
	}
	async *#watch() {
		const { api, decoder, signal, random, watchPatience, observer } = this.#options;
		const path = this.#path({
			watch: "true",
			allowWatchBookmarks: "true",
			timeoutSeconds: String(WATCH_TIMEOUT.least + Math.floor(random() * WATCH_TIMEOUT.spread)),
			resourceVersion: this.#position ?? ""
		});
		observer.asked("watch");
		const messages = api.stream({
			method: "GET",
			path,
			accept: PROTOBUF_WATCH,
			signal,
			patience: watchPatience
		}, async function* (chunks) {
			yield { type: "OPENED" };
			yield* readWatch(chunks, decoder);
		});
		for await (const message of messages) {
			observer.heard();
			if (message.type === "ERROR") throw new ApiError("watching nodes", message.status);
			const version = versionOf(message);
			if (version !== void 0) this.#checkHistory(version);
			yield message;
			if (version !== void 0) this.#goOnFrom(version);
		}
	}
	/** A version before the last one is of another history: what happened in between is not going to be told. */
	#checkHistory(version) {
		if (!isBefore(version, this.#position ?? "")) return;
		const message = `the history went back from ${this.#position} to ${version}, as after etcd was restored from a backup`;
		throw new ApiError("watching nodes", {
			code: 410,
			reason: "Expired",
			message
		});
	}
	/** From now on nothing older is taken, neither by a watch nor by a list. */
	#goOnFrom(resourceVersion) {
		this.#position = resourceVersion;
		this.#listMode = {
			type: "cached",
			notBefore: resourceVersion
		};
	}
	#path(parameters) {
		const { only } = this.#options;
		const query = new URLSearchParams();
		for (const [name, value] of Object.entries(parameters)) if (value !== "") query.set(name, value);
		if (only !== void 0) query.set("fieldSelector", `metadata.name=${only}`);
		return `${NODES}?${query}`;
	}
};
/** A limit makes a server read etcd for a list that is not to be older than a version, and means nothing for version 0. */
function listParameters(mode) {
	if (mode.type === "quorum") return { limit: String(PAGE) };
	if (mode.notBefore === void 0) return {
		limit: String(PAGE),
		resourceVersion: "0"
	};
	return {
		resourceVersion: mode.notBefore,
		resourceVersionMatch: "NotOlderThan"
	};
}
/** The token says all: a server refuses a version beside it. */
const nextPage = (token) => ({
	limit: String(PAGE),
	continue: token
});
const versionOf = (message) => {
	if (message.type === "OPENED") return void 0;
	return message.type === "BOOKMARK" ? message.resourceVersion : message.node.resourceVersion;
};
/** Resource versions are etcd's revisions: whole numbers that count up. Of anything else, nothing is known. */
function isBefore(a, b) {
	return /^\d+$/.test(a) && /^\d+$/.test(b) && BigInt(a) < BigInt(b);
}
const isTooFarAhead = (error) => error instanceof ApiError && error.status.code === 504;
const asOverlayError = (error) => OverlayError.from(error, "STORE_UNAVAILABLE", "following the nodes of Kubernetes");

// packages/store-kube/dist/kubeconfig-connector.js
/**
* Connects as a kubeconfig file says. The file is looked at before every request, and read again where it has changed
* or where the API server did not take what it said: rotated credentials need no restart.
*
* Most files name a token or a client certificate, which takes nothing but reading them. What takes more is client-node's:
* it is loaded for those alone, since it takes half a second and 70 MB.
*/
var KubeconfigConnector = class {
	#access;
	#text;
	#connector;
	#agents = new AgentKeeper();
	constructor(access) {
		this.#access = access;
	}
	async connect() {
		const text = await this.#read();
		if (this.#connector === void 0 || this.#text !== text) {
			this.#connector = await this.#connectorFor(text);
			this.#text = text;
		}
		return this.#connector.connect();
	}
	forget() {
		this.#connector?.forget();
	}
	close() {
		this.#agents.close();
	}
	async #read() {
		const { kubeconfigFile } = this.#access;
		try {
			return await readFile(kubeconfigFile, "utf8");
		} catch (cause) {
			const said = `reading the kubeconfig ${kubeconfigFile}: ${String(cause)}`;
			throw new OverlayError("INVALID_CONFIG", said, { cause });
		}
	}
	async #connectorFor(text) {
		const { readKubeconfig } = await import("./kubeconfig-C3U9c19X.js");
		const target = readKubeconfig(text, this.#access);
		if (target !== void 0) return new TargetConnector(target, this.#agents);
		const { ClientNodeConnector } = await import("./client-node-connector-B-Z9Crnu.js");
		return new ClientNodeConnector(this.#access, this.#agents);
	}
};
/** Connects as client-node finds a way to. */
var DiscoveryConnector = class {
	#access;
	#connector;
	#agents = new AgentKeeper();
	constructor(access) {
		this.#access = access;
	}
	async connect() {
		const { ClientNodeConnector } = await import("./client-node-connector-B-Z9Crnu.js");
		this.#connector ??= new ClientNodeConnector(this.#access, this.#agents);
		return this.#connector.connect();
	}
	forget() {
		this.#connector?.forget();
	}
	close() {
		this.#agents.close();
	}
};

// packages/store-kube/dist/network-config-source.js
/** Where flannel's manifests mount the ConfigMap `kube-flannel-cfg`. */
const DEFAULT_FILE = "/etc/kube-flannel/net-conf.json";
/** How often a file that is missing is looked for, in ms. */
const LOOK = 1e3;
/** The network config, which with Kubernetes is a file that a ConfigMap fills. */
var NetworkConfigSource = class {
	#given;
	#file;
	#clock;
	#board;
	/** Throws an OverlayError `INVALID_CONFIG` for a given config that breaks a rule. */
	constructor({ networkConfig, networkConfigFile = DEFAULT_FILE, clock, board }) {
		this.#given = networkConfig === void 0 ? void 0 : parseNetworkConfig(networkConfig);
		this.#file = networkConfigFile;
		this.#clock = clock;
		this.#board = board;
	}
	/** Reads it anew; waits for a file that is missing until the signal aborts. */
	async read(signal) {
		if (this.#given !== void 0) return this.#given;
		const text = await this.#text();
		if (text !== void 0) return parseNetworkConfig(text);
		return this.#board.waiting({
			type: "network-config",
			message: `waiting for the network config in ${this.#file}, which is not there`
		}, this.#wait(signal));
	}
	async #wait(signal) {
		for (;;) {
			await this.#clock.sleep(LOOK, { signal });
			const text = await this.#text();
			if (text !== void 0) return parseNetworkConfig(text);
		}
	}
	async #text() {
		try {
			return await readFile(this.#file, "utf8");
		} catch (cause) {
			const code = Reflect.get(Object(cause), "code");
			if (code === "ENOENT") return void 0;
			throw new OverlayError(code === "EACCES" || code === "EPERM" ? "ACCESS_DENIED" : "INVALID_CONFIG", `reading the network config from ${this.#file}: ${String(cause)}`, { cause });
		}
	}
};

// packages/store-kube/dist/node-lease.js
/** The annotations that carry one family's part of a lease. */
const FAMILY_ANNOTATIONS = {
	4: {
		publicAddress: "public-ip",
		backendData: "backend-data",
		overwrite: "public-ip-overwrite",
		nodeAddress: "node-public-ip"
	},
	6: {
		publicAddress: "public-ipv6",
		backendData: "backend-v6-data",
		overwrite: "public-ipv6-overwrite",
		nodeAddress: "node-public-ipv6"
	}
};
/** flannel writes the JSON text `null` for a backend that has nothing to tell. */
const NO_DATA = "null";
/** True where the node takes part in the network. Without it, whatever else its annotations say, it has no lease. */
const isManaged = ({ annotations }) => annotations["kube-subnet-manager"] === "true";
/**
* The lease that a node is, in the families of the network. Undefined for a node that takes no part in it. Throws an
* OverlayError `INVALID_LEASE` that names the node and the annotation where it is none that a peer could use.
*/
function leaseOfNode(node, families) {
	if (!isManaged(node)) return void 0;
	const subnets = {};
	const attributes = { backendType: node.annotations["backend-type"] || void 0 };
	for (const parts of families) {
		const subnet = podCidrOf(node, parts);
		if (subnet === void 0) continue;
		const names = FAMILY_ANNOTATIONS[parts.family];
		subnets[parts.subnet] = subnet;
		attributes[parts.publicAddress] = readPublicAddress(node, names.publicAddress, parts);
		attributes[parts.backendData] = readBackendData(node, names.backendData);
	}
	if (subnets.subnet === void 0 && subnets.ipv6Subnet === void 0) {
		const has = node.podCidrs.length === 0 ? "no PodCIDR" : `the PodCIDR ${node.podCidrs.join(", ")} alone`;
		throw invalid(node, `it takes part in the network, but has ${has}`);
	}
	if (attributes.publicIp === void 0 && attributes.publicIpv6 === void 0) throw invalid(node, "it takes part in the network, but no annotation public-ip or public-ipv6 says where it is");
	return {
		...subnets,
		attributes
	};
}
/** The node's PodCIDR of one family, in canonical form; undefined where it has none. */
function podCidrOf({ podCidrs }, { family }) {
	const found = podCidrs.find((text) => parseCidr(text)?.family === family);
	return found === void 0 ? void 0 : canonicalCidr(found);
}
/** The address that people say a node has, by the annotation `node-public-ip` or its twin. */
function nodeAddress(node, { family }) {
	const address = parseAddress(node.annotations[FAMILY_ANNOTATIONS[family].nodeAddress]?.trim() ?? "");
	return address?.family === family ? formatAddress(address) : void 0;
}
/**
* The address that people set for a node, and that counts instead of what the node itself finds: the overwrite before
* the node's address. What is no address of the family is passed over, and told to `onInvalid`.
*/
function addressSetByPeople(node, { family, name }, onInvalid = () => {}) {
	const { overwrite, nodeAddress } = FAMILY_ANNOTATIONS[family];
	for (const annotation of [overwrite, nodeAddress]) {
		const text = node.annotations[annotation]?.trim();
		if (text === void 0 || text === "") continue;
		const address = parseAddress(text);
		if (address?.family === family) return formatAddress(address);
		onInvalid(invalid(node, `annotation ${annotation} is '${text}', which is no ${name} address: passed over`));
	}
}
/** The node as it would be if it published these addresses, whatever it does publish. */
function withAddresses(node, { publicIp, publicIpv6 }) {
	const { annotations } = node;
	return {
		...node,
		annotations: {
			...annotations,
			"public-ip": publicIp ?? annotations["public-ip"],
			"public-ipv6": publicIpv6 ?? annotations["public-ipv6"]
		}
	};
}
/**
* The annotations that a node with these attributes bears, null for those that it must not bear. Those that people set
* count before the attributes' public addresses.
*/
function annotationsFor(attributes, node, families) {
	const wanted = {
		"kube-subnet-manager": "true",
		"backend-type": attributes.backendType ?? "",
		"backend-data": null,
		"backend-v6-data": null,
		"public-ip": null,
		"public-ipv6": null
	};
	for (const parts of families) {
		const names = FAMILY_ANNOTATIONS[parts.family];
		wanted[names.backendData] = JSON.stringify(attributes[parts.backendData] ?? null);
		wanted[names.publicAddress] = addressSetByPeople(node, parts) ?? attributes[parts.publicAddress] ?? null;
	}
	return wanted;
}
/** The annotations of a node that has left the network: none of its own, all of those that people set. */
const NO_ANNOTATIONS = Object.freeze({
	"kube-subnet-manager": null,
	"backend-type": null,
	"backend-data": null,
	"backend-v6-data": null,
	"public-ip": null,
	"public-ipv6": null
});
/** What of `wanted` a node does not bear yet: nothing where it says the same already, however its JSON is spaced. */
function annotationChanges({ annotations }, wanted) {
	const changes = {};
	for (const name of PUBLISHED) if (!sameValue(name, annotations, wanted[name])) changes[name] = wanted[name];
	return changes;
}
function sameValue(name, annotations, wanted) {
	const held = annotations[name] ?? null;
	if (held === wanted || held === null || wanted === null) return held === wanted;
	return name.startsWith("backend-") && name.endsWith("data") && compactJson(held) === wanted;
}
function compactJson(text) {
	try {
		return JSON.stringify(JSON.parse(text));
	} catch {
		return;
	}
}
function readPublicAddress(node, annotation, parts) {
	const text = node.annotations[annotation];
	if (text === void 0 || text === "") return void 0;
	const address = parseAddress(text);
	if (address?.family === parts.family) return formatAddress(address);
	throw invalid(node, `its annotation ${annotation} is '${text}', which is no ${parts.name} address`);
}
function readBackendData(node, annotation) {
	const text = node.annotations[annotation];
	if (text === void 0 || text === "" || text === NO_DATA) return void 0;
	try {
		return JSON.parse(text);
	} catch {
		throw invalid(node, `its annotation ${annotation} is no JSON`);
	}
}
const invalid = (node, what) => new OverlayError("INVALID_LEASE", `node ${node.name}: ${what}`);

// packages/store-kube/dist/node-table.js
/**
* Everyone's leases by node. Turns what is told of nodes into what is told of leases: a kubelet reports its node every
* few minutes, and nearly all that it says changes no lease.
*
* Two nodes that bear one PodCIDR are a cluster gone wrong. The older one holds the lease, and the other gets it when
* that one is gone, so that a subnet always has one holder, and the same one on every node.
*/
var NodeTable = class {
	#options;
	/** Every node that is a lease, whether it holds the subnet or waits for it. */
	#entries = /* @__PURE__ */ new Map();
	/** Who holds each subnet, by the lease's key. */
	#holders = /* @__PURE__ */ new Map();
	/** Who else bears a subnet's PodCIDR, by the lease's key. */
	#waiting = /* @__PURE__ */ new Map();
	/** What was last told to be wrong with a node. */
	#faults = /* @__PURE__ */ new Map();
	constructor(options) {
		this.#options = options;
	}
	get leases() {
		return [...this.#holders.values()].map(({ lease }) => lease);
	}
	/** Takes a change in; returns what it changes of the leases. */
	take(change) {
		if (change.type === "list") return [this.#replace(change.nodes)];
		if (change.type === "put") return this.#put(change.node);
		this.#faults.delete(change.node.name);
		return this.#remove(change.node.name);
	}
	#replace(nodes) {
		this.#entries.clear();
		this.#holders.clear();
		this.#waiting.clear();
		const seen = /* @__PURE__ */ new Set();
		for (const node of nodes) {
			seen.add(node.name);
			this.#put(node);
		}
		for (const name of this.#faults.keys()) if (!seen.has(name)) this.#faults.delete(name);
		return {
			type: "snapshot",
			leases: this.leases
		};
	}
	#put(node) {
		const { name, created } = node;
		const lease = this.#read(node);
		if (lease === void 0) return this.#remove(name);
		const before = this.#entries.get(name);
		if (before !== void 0 && before.created === created && sameLease(before.lease, lease)) return [];
		const key = leaseKey(lease);
		const left = before === void 0 || leaseKey(before.lease) === key ? [] : this.#remove(name);
		const entry = {
			name,
			created,
			lease
		};
		this.#entries.set(name, entry);
		const holder = this.#holders.get(key);
		if (holder !== void 0 && holder.name !== name) {
			const [older, younger] = isOlder(entry, holder) ? [entry, holder] : [holder, entry];
			this.#wait(younger, older, key);
			if (older !== entry) return left;
		}
		return [...left, this.#hold(entry, key)];
	}
	#remove(name) {
		const entry = this.#entries.get(name);
		if (entry === void 0) return [];
		this.#entries.delete(name);
		const key = leaseKey(entry.lease);
		this.#waiting.get(key)?.delete(name);
		if (this.#holders.get(key)?.name !== name) return [];
		this.#holders.delete(key);
		const [heir] = [...this.#waiting.get(key) ?? []].flatMap((heir) => this.#entries.get(heir) ?? []).sort((a, b) => isOlder(a, b) ? -1 : 1);
		return [heir === void 0 ? {
			type: "delete",
			lease: entry.lease
		} : this.#hold(heir, key)];
	}
	#hold(entry, key) {
		this.#waiting.get(key)?.delete(entry.name);
		this.#holders.set(key, entry);
		this.#faults.delete(entry.name);
		return {
			type: "put",
			lease: entry.lease
		};
	}
	#wait({ name }, holder, key) {
		this.#waiting.set(key, (this.#waiting.get(key) ?? /* @__PURE__ */ new Set()).add(name));
		this.#fault(name, new OverlayError("INVALID_LEASE", `node ${name}: its PodCIDR ${key} is that of the older node ${holder.name} too, which keeps it: delete one of the two nodes and let it register again`));
	}
	#read(node) {
		try {
			const lease = this.#options.leaseOf(node);
			if (lease === void 0) this.#faults.delete(node.name);
			return lease;
		} catch (error) {
			this.#fault(node.name, error);
			return;
		}
	}
	#fault(name, thrown) {
		const error = OverlayError.from(thrown, "INVALID_LEASE", `node ${name}`);
		if (this.#faults.get(name) === error.message) return;
		this.#faults.set(name, error.message);
		this.#options.onInvalid(error);
	}
};
const isOlder = (a, b) => a.created === b.created ? a.name < b.name : a.created < b.created;

// packages/store-kube/dist/nodes.js
/** What flannel sets once its network is up. */
const NETWORK_UP = {
	type: "NetworkUnavailable",
	status: "False",
	reason: "FlannelIsUp",
	message: "Flannel is running on this node"
};
/** Reads and writes one node at a time. */
var Nodes = class {
	#api;
	#decoder;
	/** The full prefix of the annotations. */
	#prefix;
	/** The server has failed where it keeps silent for so long, in ms. */
	#patience;
	constructor({ api, decoder, prefix, patience }) {
		this.#api = api;
		this.#decoder = decoder;
		this.#prefix = prefix;
		this.#patience = patience;
	}
	/** The node, or undefined where there is none of that name. */
	async get(name, signal) {
		try {
			return await this.#api.fetch({
				method: "GET",
				path: nodePath(name),
				accept: PROTOBUF,
				signal,
				patience: this.#patience
			}, (answer) => this.#decoder.decodeNode(answer));
		} catch (error) {
			if (isApiError(error, 404)) return void 0;
			throw error;
		}
	}
	/**
	* Sets annotations, and removes those that are null. Undefined, and nothing written, where the node is gone or another
	* one bears its name by now.
	*/
	async annotate(node, changes, signal) {
		const annotations = Object.fromEntries(Object.entries(changes).map(([name, value]) => [`${this.#prefix}${name}`, value]));
		try {
			return await this.#patchStatus(node.name, { metadata: {
				uid: node.uid,
				annotations
			} }, signal);
		} catch (error) {
			if (isApiError(error, 404, 409)) return void 0;
			throw error;
		}
	}
	/** Sets the condition by which the scheduler knows that pods may run; true where it was not set already. */
	async setNetworkAvailable(name, now, signal) {
		const node = await this.#api.fetchJson({
			method: "GET",
			path: nodePath(name),
			signal,
			patience: this.#patience
		});
		const { type, status, reason } = NETWORK_UP;
		const held = conditionsOf(node).find((condition) => condition.type === type);
		if (held?.status === status && held.reason === reason) return false;
		const time = new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
		const condition = {
			...NETWORK_UP,
			lastHeartbeatTime: time,
			lastTransitionTime: time
		};
		await this.#patchStatus(name, { status: { conditions: [condition] } }, signal);
		return true;
	}
	/** The node that a pod runs on. */
	async nameByPod({ podName, podNamespace }, signal) {
		const path = `/api/v1/namespaces/${encodeURIComponent(podNamespace)}/pods/${encodeURIComponent(podName)}`;
		const pod = await this.#api.fetchJson({
			method: "GET",
			path,
			signal,
			patience: this.#patience
		});
		const spec = isJsonObject(pod) ? pod.spec : void 0;
		const name = isJsonObject(spec) ? spec.nodeName : void 0;
		if (typeof name === "string" && name !== "") return name;
		throw new OverlayError("STORE_CORRUPT", `pod ${podNamespace}/${podName} is on no node: give the node's name`);
	}
	#patchStatus(name, patch, signal) {
		const body = {
			type: STRATEGIC_MERGE_PATCH,
			text: JSON.stringify(patch)
		};
		const path = `${nodePath(name)}/status`;
		return this.#api.fetch({
			method: "PATCH",
			path,
			accept: PROTOBUF,
			body,
			signal,
			patience: this.#patience
		}, (answer) => this.#decoder.decodeNode(answer));
	}
};
const nodePath = (name) => `/api/v1/nodes/${encodeURIComponent(name)}`;
function conditionsOf(node) {
	const status = isJsonObject(node) ? node.status : void 0;
	const conditions = isJsonObject(status) ? status.conditions : void 0;
	return Array.isArray(conditions) ? conditions.filter(isJsonObject) : [];
}

// packages/store-kube/dist/own-addresses.js
const BACKOFF = {
	first: 1e3,
	most: 3e4
};
/** Two that write one annotation in turn do so once a second, not at full speed. */
const PAUSE = 1e3;
/**
* Keeps the public addresses that this node publishes what they should be while people set, change or remove the
* annotations that overrule them. It is done here and not by the overlay, which knows a node by its public address and
* would take its own record for that of another.
*/
var OwnAddresses = class {
	#options;
	#wake = new Wake();
	#node;
	/** What was last told to be wrong with what people set. */
	#fault = "";
	constructor(options) {
		this.#options = options;
	}
	/** This node's record, as the watch just told it. */
	observe(node) {
		this.#node = node;
		this.#check(node);
		this.#wake.call();
	}
	/** Runs until the signal aborts. */
	async run(signal) {
		const { clock, random, mend, onError } = this.#options;
		let failures = 0;
		while (!signal.aborted) try {
			const pause = failures === 0 ? Number.POSITIVE_INFINITY : backoffDelay(failures, BACKOFF, random);
			await this.#wake.sleep(pause, clock, signal);
			const wrote = this.#node !== void 0 && await mend(this.#node, signal);
			failures = 0;
			if (wrote) await clock.sleep(PAUSE, { signal });
		} catch (error) {
			if (signal.aborted) return;
			failures += 1;
			onError(OverlayError.from(error, "STORE_UNAVAILABLE", "publishing this node's addresses"));
		}
	}
	/** Tells of an address that people set and that is none, once. */
	#check(node) {
		const faults = [];
		for (const parts of this.#options.families) addressSetByPeople(node, parts, (error) => faults.push(error));
		const fault = faults.map(({ message }) => message).join("; ");
		if (fault === this.#fault) return;
		this.#fault = fault;
		for (const error of faults) this.#options.onError(error);
	}
};

// packages/store-kube/dist/own-node.js
/**
* The node that this process runs on, and what it asked to publish.
*
* People may set an address that counts instead of the one that was asked for. Peers see theirs; to this process its
* own record always shows the address it asked for, so that it knows the record for its own.
*/
var OwnNode = class {
	#options;
	#name;
	#asked;
	#seen;
	constructor(options) {
		this.#options = options;
		this.#name = typeof options.node === "string" ? options.node : void 0;
	}
	/** The newest version of the record that was read or written here: no later list may be older. */
	get seen() {
		return this.#seen;
	}
	isThis(node) {
		return node.name === this.#name;
	}
	/** Another node as it is; this one with the addresses that it asked for. */
	asAskedFor(node) {
		return this.#asked !== void 0 && this.isThis(node) ? withAddresses(node, this.#asked) : node;
	}
	async name(signal) {
		const { node, nodes } = this.#options;
		this.#name ??= typeof node === "string" ? node : await nodes.nameByPod(node, signal);
		return this.#name;
	}
	async get(signal) {
		const node = await this.#options.nodes.get(await this.name(signal), signal);
		this.#seen = node?.resourceVersion ?? this.#seen;
		return node;
	}
	/** The node once it has registered and has a PodCIDR. Rejects where the first look at it fails. */
	async ready(signal) {
		const node = await this.get(signal);
		if (node !== void 0 && node.podCidrs.length > 0) return node;
		const message = node === void 0 ? `waiting for node ${this.#name} to register` : `waiting for node ${this.#name} to get a PodCIDR from the controller manager (--allocate-node-cidrs)`;
		const type = node === void 0 ? "node" : "pod-cidr";
		return this.#options.board.waiting({
			type,
			message
		}, this.#wait(signal));
	}
	/** The lease that the node is, where it is one. */
	held(node, families) {
		try {
			return leaseOfNode(this.asAskedFor(node), families);
		} catch (error) {
			if (error instanceof OverlayError) return void 0;
			throw error;
		}
	}
	/** Why this is not, or no longer, the node's lease; undefined where it is. */
	lossOf(lease, node, families) {
		if (node === void 0) return `node ${this.#name} is gone`;
		if (!isManaged(node)) return `node ${node.name} does not take part in the network any more`;
		for (const parts of families) {
			const podCidr = podCidrOf(node, parts);
			if (podCidr !== lease[parts.subnet]) return `the PodCIDR of node ${node.name} is ${podCidr} by now`;
		}
		const held = this.held(node, families);
		if (held === void 0) return `the annotations of node ${node.name} are no lease any more`;
		if (sameNode(held.attributes, lease.attributes)) return void 0;
		if (families.some((parts) => addressSetByPeople(node, parts) !== void 0)) return void 0;
		const address = held.attributes.publicIp ?? held.attributes.publicIpv6;
		return `node ${node.name} publishes the address ${address} by now`;
	}
	/** Writes what the node does not publish yet; undefined where it is gone, or another under its name, by now. */
	async publish(node, attributes, families, signal) {
		this.#asked = attributes;
		const changes = annotationChanges(node, annotationsFor(attributes, node, families));
		const written = await this.#annotate(node, changes, signal);
		return written && leaseOfNode(this.asAskedFor(written), families);
	}
	/** Removes all that the node published; what people set stays. */
	async withdraw(node, signal) {
		this.#asked = void 0;
		await this.#annotate(node, annotationChanges(node, NO_ANNOTATIONS), signal);
	}
	/** Publishes the addresses that the node should, where it does not; true where that needed writing. */
	async mendAddresses(node, families, signal) {
		if (this.#asked === void 0 || !isManaged(node)) return false;
		const wanted = annotationsFor(this.#asked, node, families);
		const { "public-ip": publicIp, "public-ipv6": publicIpv6 } = annotationChanges(node, wanted);
		const changes = {
			...publicIp !== void 0 && { "public-ip": publicIp },
			...publicIpv6 !== void 0 && { "public-ipv6": publicIpv6 }
		};
		if (Object.keys(changes).length === 0) return false;
		await this.#annotate(node, changes, signal);
		return true;
	}
	/** The addresses that people say the node has; none where it has not registered. */
	async addresses(signal) {
		const node = await this.get(signal);
		const addresses = {};
		for (const parts of [IPV4_PARTS, IPV6_PARTS]) {
			const address = node && nodeAddress(node, parts);
			if (address !== void 0) addresses[parts.publicAddress] = address;
		}
		return addresses;
	}
	async #wait(signal) {
		for await (const news of this.#options.follow(await this.name(signal), signal)) {
			const nodes = news.type === "list" ? news.nodes : news.type === "put" ? [news.node] : [];
			for (const node of nodes) if (node.podCidrs.length > 0) return node;
		}
		throw signal.reason;
	}
	async #annotate(node, changes, signal) {
		if (Object.keys(changes).length === 0) return node;
		const { nodes, board } = this.#options;
		board.asked("patch");
		const written = await nodes.annotate(node, changes, signal);
		this.#seen = written?.resourceVersion ?? this.#seen;
		return written;
	}
};

// packages/store-kube/dist/pod-cidrs.js
/**
* Throws an OverlayError `INVALID_CONFIG` where this node's PodCIDRs do not fit the network: a PodCIDR never changes
* once it is given, so that waiting would not help.
*/
function checkPodCidrs(node, config) {
	for (const parts of enabledFamilies(config)) {
		const network = config[parts.network]?.network;
		const podCidr = podCidrOf(node, parts);
		if (podCidr === void 0) throw new OverlayError("INVALID_CONFIG", `node ${node.name} has no ${parts.name} PodCIDR, only ${node.podCidrs.join(", ")}, but the network config has the ${parts.name} network ${network}: give the controller manager a --cluster-cidr of both families and let the node register again, or turn the family off in the network config`);
		if (network !== void 0 && !contains(requireCidr(network), requireCidr(podCidr))) throw new OverlayError("INVALID_CONFIG", `the PodCIDR ${podCidr} of node ${node.name} is outside the network ${network}: make the network config's ${parts.family === 4 ? "Network" : "IPv6Network"} the controller manager's --cluster-cidr`);
	}
}

// packages/store-kube/dist/status.js
/** Gathers what the manager's parts tell of themselves. */
var StatusBoard = class {
	#clock;
	#onStatus;
	#status = {
		waitingFor: void 0,
		asOf: void 0,
		error: void 0,
		lists: 0,
		watches: 0,
		patches: 0
	};
	constructor(clock, onStatus = () => {}) {
		this.#clock = clock;
		this.#onStatus = onStatus;
	}
	get status() {
		return this.#status;
	}
	heard() {
		const recovered = this.#status.error !== void 0;
		this.#set({
			asOf: this.#clock.now(),
			error: void 0
		}, recovered);
	}
	failed(error) {
		this.#set({ error }, true);
	}
	asked(what) {
		const counter = {
			list: "lists",
			watch: "watches",
			patch: "patches"
		}[what];
		this.#set({ [counter]: this.#status[counter] + 1 }, false);
	}
	/** Says what `work` waits for until it is done. */
	async waiting(wait, work) {
		const waitingFor = {
			...wait,
			since: this.#clock.now()
		};
		this.#set({ waitingFor }, true);
		try {
			return await work;
		} finally {
			if (this.#status.waitingFor === waitingFor) this.#set({ waitingFor: void 0 }, true);
		}
	}
	#set(change, tell) {
		this.#status = {
			...this.#status,
			...change
		};
		if (tell) this.#onStatus(this.#status);
	}
};

// packages/store-kube/dist/kube-subnet-manager.js
const DEFAULT_REQUEST_TIMEOUT = 1e4;
const DEFAULT_WATCH_TIMEOUT = 9e4;
/** A node that is deleted and created again between reading and writing it is read again; so often in a row it is not. */
const MOST_ATTEMPTS = 5;
/**
* The nodes of a Kubernetes cluster as the lease table, as flannel keeps it: a node's PodCIDRs are its subnets, and its
* annotations say how to reach it. See the README for what must be granted and what is guaranteed.
*
* Leases here never end (`expiresAt` is absent): one goes with its node.
*/
var KubeSubnetManager = class {
	name = "kubernetes";
	#options;
	#clock;
	#random;
	#api;
	#decoder;
	#nodes;
	#own;
	#config;
	#board;
	#closed = new AbortController();
	/** Nothing is read or sent. Throws an OverlayError `INVALID_CONFIG` for options that break a rule. */
	constructor(options) {
		this.#options = options;
		this.#clock = options.clock ?? systemClock;
		this.#random = options.random ?? Math.random;
		this.#board = new StatusBoard(this.#clock, options.onStatus);
		const prefix = fullPrefix(options.annotationPrefix ?? "flannel.alpha.coreos.com");
		const api = new KubeApi(connectorFor(options.access));
		const decoder = new NodeDecoder(prefix);
		const patience = options.requestTimeout ?? DEFAULT_REQUEST_TIMEOUT;
		this.#api = api;
		this.#decoder = decoder;
		this.#nodes = new Nodes({
			api,
			decoder,
			prefix,
			patience
		});
		this.#own = new OwnNode({
			node: options.node,
			nodes: this.#nodes,
			board: this.#board,
			follow: (only, signal) => this.#follow({
				signal,
				firstList: { type: "quorum" },
				only
			})
		});
		this.#config = new NetworkConfigSource({
			networkConfig: options.networkConfig,
			networkConfigFile: options.networkConfigFile,
			clock: this.#clock,
			board: this.#board
		});
	}
	/** For health checks and metrics. */
	get status() {
		return this.#board.status;
	}
	getNetworkConfig({ signal } = {}) {
		return this.#call(signal, (stop) => this.#config.read(stop));
	}
	/**
	* The addresses that people say this node has, by the annotations `node-public-ip` and `node-public-ipv6`: what to
	* give an overlay as `publicIp` and `publicIpv6`, and to choose its interface by. Those that they have published in
	* its stead (`public-ip-overwrite`) are none of its own. Waits for nothing: both are absent where the node has not
	* registered.
	*/
	nodeAddresses({ signal } = {}) {
		return this.#call(signal, (stop) => this.#own.addresses(stop));
	}
	/**
	* The subnet is the node's PodCIDR: waits until the node has registered and has one, which `status` tells meanwhile.
	* Rejects with `INVALID_CONFIG` where it is outside the network. `previous` counts for nothing.
	*/
	acquireLease({ attributes, adopt }, { signal } = {}) {
		return this.#call(signal, async (stop) => {
			const config = await this.#config.read(stop);
			const families = enabledFamilies(config);
			for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
				const node = await this.#own.ready(stop);
				checkPodCidrs(node, config);
				const held = this.#own.held(node, families);
				const published = (held && adopt?.(held)) ?? attributes;
				const lease = await this.#own.publish(node, published, families, stop);
				if (lease !== void 0) return lease;
			}
			throw new OverlayError("STORE_UNAVAILABLE", `publishing the lease of this node: it was deleted and created again ${MOST_ATTEMPTS} times meanwhile`);
		});
	}
	renewLease(lease, { signal } = {}) {
		return this.#call(signal, async (stop) => {
			const families = enabledFamilies(await this.#config.read(stop));
			const node = await this.#own.get(stop);
			const loss = this.#own.lossOf(lease, node, families);
			if (node !== void 0 && loss === void 0) {
				const renewed = await this.#own.publish(node, lease.attributes, families, stop);
				if (renewed !== void 0) return renewed;
			}
			const why = loss ?? "its node was deleted meanwhile";
			throw new OverlayError("LEASE_LOST", `renewing ${leaseKey(lease)}: ${why}; acquire again`);
		});
	}
	/** Removes the annotations that this node published; those that people set stay. */
	releaseLease(lease, { signal } = {}) {
		return this.#call(signal, async (stop) => {
			const families = enabledFamilies(await this.#config.read(stop));
			const node = await this.#own.get(stop);
			if (node === void 0 || this.#own.lossOf(lease, node, families) !== void 0) return;
			await this.#own.withdraw(node, stop);
		});
	}
	/**
	* Sets the node's condition `NetworkUnavailable` to `False`, as flannel does once it is up: on some clouds no pod is
	* scheduled before. Writes only where it says otherwise. Call it when the overlay is in sync, and again when it has
	* acquired its lease anew, since the node may be another one under the same name.
	*/
	reportNetworkAvailable({ signal } = {}) {
		return this.#call(signal, async (stop) => {
			const name = await this.#own.name(stop);
			if (await this.#nodes.setNetworkAvailable(name, this.#clock.now(), stop)) this.#board.asked("patch");
		});
	}
	async *watchLeases({ signal, onError = () => {}, onRecovered = () => {} }) {
		if (signal.aborted) return;
		this.#closed.signal.throwIfAborted();
		const left = new AbortController();
		const stop = AbortSignal.any([
			signal,
			this.#closed.signal,
			left.signal
		]);
		let keeping;
		try {
			const families = enabledFamilies(await this.#config.read(stop));
			const table = new NodeTable({
				leaseOf: (node) => leaseOfNode(this.#own.asAskedFor(node), families),
				onInvalid: onError
			});
			const addresses = new OwnAddresses({
				mend: (node, abort) => this.#own.mendAddresses(node, families, abort),
				families,
				onError,
				clock: this.#clock,
				random: this.#random
			});
			keeping = addresses.run(stop);
			for await (const news of this.#follow({
				signal: stop,
				firstList: this.#firstList,
				onError
			})) {
				const own = this.#ownIn(news);
				if (own !== void 0) addresses.observe(own);
				if (news.type === "resumed") {
					onRecovered();
					continue;
				}
				for (const event of table.take(news)) {
					if (stop.aborted) break;
					yield event;
				}
			}
			if (!signal.aborted) this.#closed.signal.throwIfAborted();
		} catch (error) {
			if (!signal.aborted) throw error;
		} finally {
			left.abort();
			await keeping;
		}
	}
	async [Symbol.asyncDispose]() {
		this.#closed.abort(new OverlayError("CLOSED", "the Kubernetes store was disposed of: make a new one"));
		this.#api.close();
	}
	async #call(signal, work) {
		signal?.throwIfAborted();
		this.#closed.signal.throwIfAborted();
		return work(signal === void 0 ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]));
	}
	get #firstList() {
		return this.#options.firstList === "quorum" ? { type: "quorum" } : {
			type: "cached",
			notBefore: this.#own.seen
		};
	}
	#follow({ signal, firstList, only, onError = () => {} }) {
		return followNodes({
			api: this.#api,
			decoder: this.#decoder,
			clock: this.#clock,
			random: this.#random,
			watchPatience: this.#options.watchTimeout ?? DEFAULT_WATCH_TIMEOUT,
			signal,
			firstList,
			only,
			observer: {
				asked: (what) => this.#board.asked(what),
				heard: () => this.#board.heard(),
				failed: (error) => {
					this.#board.failed(error);
					onError(error);
				}
			}
		});
	}
	#ownIn(news) {
		if (news.type === "put") return this.#own.isThis(news.node) ? news.node : void 0;
		if (news.type !== "list") return void 0;
		return news.nodes.find((node) => this.#own.isThis(node));
	}
};
function connectorFor(access) {
	if ("discover" in access) return new DiscoveryConnector(access);
	if ("kubeconfigFile" in access) return new KubeconfigConnector(access);
	return new TargetConnector(targetOf(access), new AgentKeeper());
}

// packages/agent/dist/stores/kubernetes.js
function openKubernetes(settings, { onWaiting }) {
	const { node, networkConfigFile, annotationPrefix, setNetworkUnavailable } = settings;
	const access = accessOf(settings);
	let waited;
	const subnets = new KubeSubnetManager({
		access,
		node,
		networkConfigFile,
		annotationPrefix,
		onStatus: ({ waitingFor }) => {
			if (waitingFor !== void 0 && waitingFor !== waited) onWaiting({ message: waitingFor.message });
			waited = waitingFor;
		}
	});
	return {
		subnets,
		identity: `kubernetes ${whereOf(access)} ${annotationPrefix}`,
		nodeAddresses: (options) => subnets.nodeAddresses(options),
		reportUp: setNetworkUnavailable ? (options) => subnets.reportNetworkAvailable(options) : void 0
	};
}
function accessOf({ access }) {
	if (!("pod" in access)) return access;
	const own = podAccess(access.pod);
	return {
		...own,
		apiUrl: access.apiUrl ?? own.apiUrl
	};
}
function whereOf(access) {
	if ("kubeconfigFile" in access) return access.apiUrl ?? access.kubeconfigFile;
	return "apiUrl" in access ? access.apiUrl : "found by discovery";
}

export { openKubernetes };