// node build.mjs OUT: bundles src/, style.css and index.html into one file without references.
import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "report.html");
const bundle = await build({
  entryPoints: [join(here, "src/main.ts")],
  bundle: true,
  minify: true,
  write: false,
  format: "iife",
  target: "es2021",
  legalComments: "inline",
});
// A script ends at the first "</script", wherever it stands.
const script = bundle.outputFiles[0].text.replaceAll("</script", "<\\/script");
const style = readFileSync(join(here, "src/style.css"), "utf8");
const page = readFileSync(join(here, "index.html"), "utf8")
  .replace("/*style*/", () => style)
  .replace("/*script*/", () => script);
writeFileSync(out, page);
