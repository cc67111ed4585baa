import { describe, expect, it } from "vitest";
import { renderTemplate } from "../../src/cli/render/go-template.ts";

const record = {
  State: { Status: "running" },
  Labels: { b: "2", a: "1" },
  Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }], "90/tcp": null },
  Args: ["x", "y"],
  Count: 3,
};

describe("the language of templates", () => {
  it.each([
    ["{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}", "a=1 b=2 "],
    ["{{range $i, $a := .Args}}{{$i}}{{$a}}{{end}}", "0x1y"],
    ["{{range .Args}}{{.}}{{$.Count}}{{end}}", "x3y3"],
    [
      "{{range $p, $c := .Ports}}{{if $c}}{{$p}} -> {{(index $c 0).HostPort}}{{end}}{{end}}",
      "80/tcp -> 8080",
    ],
    ['{{(index (index .Ports "80/tcp") 0).HostPort}}', "8080"],
    ['{{index .Labels "nope"}}', ""],
    ["{{with .State}}{{.Status}}{{end}}{{with .State.Health}}{{.}}{{else}}none{{end}}", "runningnone"],
    ["{{$n := .Count}}{{if eq $n 2}}two{{else if eq $n 3}}three{{else}}more{{end}}", "three"],
    ["{{if and (gt .Count 2) (not .State.Health)}}yes{{end}}", "yes"],
    ['{{printf "%-4s|%5.1f" .State.Status 2.25}}', "running|  2.3"],
    ["{{/* nothing */}}{{ len .Args -}}  !", "2!"],
  ])("%s", (template, text) => {
    expect(renderTemplate(template, record)).toBe(text);
  });

  it.each([
    ["{{.State.Health.Status}}", 'nothing to look up "Status" in'],
    ['{{index (index .Ports "90/tcp") 0}}', "nothing to index by 0"],
    ["{{range .Args}}", "a block has no end"],
    ["{{end}}", "unexpected {{end}}"],
    ["{{len (.Args}}", "a parenthesis is not closed"],
    ["{{$x}}", 'undefined variable "$x"'],
  ])("refuses %s", (template, message) => {
    expect(() => renderTemplate(template, record)).toThrow(message);
  });
});
