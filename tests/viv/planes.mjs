// Serves a folder, opens an OME-TIFF or companion in it with Viv's loader, and prints as JSON what it sees.
// Arguments: the folder, the name of the file, where `npm install` put its packages, the name of the offsets.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, name, packages, offsetsName] = process.argv.slice(2);
const requests = [];
const server = createServer((request, response) => {
  const data = readFileSync(`${folder}/${decodeURIComponent(request.url)}`);
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  requests.push(request.url);
  if (range === null) return response.end(data);
  const [start, stop] = [Number(range[1]), Math.min(Number(range[2]) + 1, data.length)];
  response.writeHead(206, { "Content-Range": `bytes ${start}-${stop - 1}/${data.length}` });
  response.end(data.subarray(start, stop));
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const base = `http://127.0.0.1:${server.address().port}/`;

const require = createRequire(pathToFileURL(`${packages}/node_modules/`));
globalThis.DOMParser = require("@xmldom/xmldom").DOMParser;
const { loadOmeTiff } = await import(pathToFileURL(require.resolve("@vivjs/loaders")));
const offsets = offsetsName ? await (await fetch(base + offsetsName)).json() : undefined;

const images = [];
for (const { data, metadata } of await loadOmeTiff(base + encodeURIComponent(name), { images: "all", offsets })) {
  const { SizeT, SizeC, SizeZ, PhysicalSizeX, Channels } = metadata.Pixels;
  const planes = [];
  for (let t = 0; t < SizeT; t++)
    for (let c = 0; c < SizeC; c++)
      for (let z = 0; z < SizeZ; z++) {
        const raster = await data[0].getRaster({ selection: { t, c, z } });
        planes.push([t, c, z, raster.data[0], raster.width, raster.height]);
      }
  images.push({ name: metadata.Name, channels: Channels.map((each) => each.Name), pixelSize: PhysicalSizeX, planes });
}
console.log(JSON.stringify({ images, requests: requests.length }));
process.exit(0);
