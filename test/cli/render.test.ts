import { describe, expect, it } from "vitest";
import { renderFormat, renderTemplate } from "../../src/cli/render/go-template.ts";
import { LogLines, shortName } from "../../src/cli/render/log-lines.ts";
import { nanoTime } from "../../src/cli/render/nano-time.ts";
import { escapeAllButColours, escapeControls } from "../../src/cli/render/paint.ts";
import { portsText, statusText } from "../../src/cli/render/status.ts";
import { displayWidth, renderTable } from "../../src/cli/render/table.ts";
import { binarySize, humanDuration, humanSize } from "../../src/cli/render/units.ts";

describe("tables", () => {
  it("have columns as wide as their widest cell, and no blanks at the end", () => {
    expect(
      renderTable(
        ["NAME", "PORTS"],
        [
          ["web-1", ""],
          ["a", "80"],
        ],
      ),
    ).toBe("NAME    PORTS\nweb-1\na       80\n");
  });

  it("show control characters instead of obeying them", () => {
    expect(escapeControls("a\u001b[2Jb")).toBe("a^[[2Jb");
    expect(escapeControls("a\u009b2Jb\u202ec\u2066")).toBe("a\\x9b2Jb\\u202ec\\u2066");
    expect(escapeAllButColours("\u001b[31mred\u001b[0m \u001b]0;title\u0007")).toBe(
      "\u001b[31mred\u001b[0m ^[]0;title^G",
    );
    expect(renderTable(["A"], [["x\ny"]])).toBe("A\nx y\n");
  });

  it("count the columns that wide characters take", () => {
    expect(displayWidth("日本")).toBe(4);
    expect(displayWidth("é")).toBe(1);
  });
});

describe("units", () => {
  it.each([
    [500, "Less than a second"],
    [1000, "1 second"],
    [59_000, "59 seconds"],
    [61_000, "About a minute"],
    [3_600_000, "About an hour"],
    [47 * 3_600_000, "47 hours"],
    [15 * 86_400_000, "2 weeks"],
    [800 * 86_400_000, "2 years"],
  ])("say %d ms as docker does", (ms, text) => {
    expect(humanDuration(ms)).toBe(text);
  });

  it("say sizes as docker does", () => {
    expect(humanSize(1_982_412, 3)).toBe("1.98MB");
    expect(humanSize(0)).toBe("0B");
    expect(binarySize(602_112)).toBe("588KiB");
  });
});

describe("a container's status", () => {
  const base = { pid: 0, exitCode: 3, error: "", oomKilled: false, finishedAt: new Date(0) } as const;

  it("is in docker's words", () => {
    const startedAt = new Date(0);
    expect(statusText({ ...base, status: "exited" }, 120_000)).toBe("Exited (3) 2 minutes ago");
    expect(statusText({ ...base, status: "paused", startedAt }, 5000)).toBe("Up 5 seconds (Paused)");
    const health = { status: "starting", failingStreak: 0, log: [] } as const;
    expect(statusText({ ...base, status: "running", startedAt, health }, 5000)).toBe(
      "Up 5 seconds (health: starting)",
    );
  });

  it("folds neighbouring ports into ranges", () => {
    const port = (containerPort: number, hostPort?: number, hostIp = "0.0.0.0") => ({
      containerPort,
      protocol: "tcp" as const,
      ...(hostPort !== undefined && { hostPort, hostIp }),
    });
    expect(portsText([port(81, 8081), port(80, 8080), port(80, 8080, "::"), port(9000)])).toBe(
      "0.0.0.0:8080-8081->80-81/tcp, [::]:8080->80/tcp, 9000/tcp",
    );
  });
});

describe("Go templates", () => {
  const record = { Name: "web-1", State: "running", Ports: [80, 81], Labels: { a: "1" } };

  it.each([
    ["{{.Name}}\t{{.State}}", "web-1\trunning"],
    ["{{json .Ports}}", "[80,81]"],
    ["{{.Name | upper}}", "WEB-1"],
    ['{{printf "%-8s|" .Name}}', "web-1   |"],
    ['{{if eq .State "running"}}yes{{else}}no{{end}}', "yes"],
    ["{{range .Ports}}[{{.}}]{{end}}", "[80][81]"],
    ['{{index .Labels "a"}}', "1"],
  ])("understand %s", (format, text) => {
    expect(renderTemplate(format, record)).toBe(text);
  });

  it("become tables with headings", () => {
    expect(renderFormat("table {{.Name}}\\t{{.State}}", [record])).toBe("NAME    STATE\nweb-1   running\n");
  });

  it("name a field that is not there", () => {
    expect(() => renderTemplate("{{.Nope}}", record)).toThrow(
      /there is no field "Nope"; there are Name, State/,
    );
  });
});

describe("log lines", () => {
  const lines = (options = {}) => {
    const written: string[] = [];
    const output = {
      write: (data: string | Uint8Array) => written.push(Buffer.from(data as Uint8Array).toString()) > 0,
    };
    const made = new LogLines({
      stdout: output,
      stderr: output,
      isColoured: false,
      hasPrefix: true,
      hasTimestamps: false,
      ...options,
    });
    return { made, written };
  };

  it("have names padded to the longest", () => {
    const { made, written } = lines();
    made.register("cache-1");
    made.source("db-1").add({ stream: "stdout", data: Buffer.from("ready\n") });
    expect(written).toEqual(["db-1     | ready\n"]);
  });

  it("are put together from pieces, and what has no newline comes at the end", () => {
    const { made, written } = lines();
    const source = made.source("a");
    source.add({ stream: "stdout", data: Buffer.from("on") });
    source.add({ stream: "stdout", data: Buffer.from("e\r\ntwo\n\nthr") });
    source.flush();
    expect(written.join("")).toBe("a  | one\na  | two\na  | \na  | thr\n");
  });

  it("have their own times, a line in pieces that of its beginning", () => {
    const { made, written } = lines({ hasTimestamps: true, hasPrefix: false });
    const source = made.source("a");
    const add = (text: string, ...seconds: readonly number[]) =>
      source.add({
        stream: "stdout",
        data: Buffer.from(text),
        timesNs: seconds.map((second) => BigInt(second) * 1_000_000_000n),
      });
    add("one\nbe", 1, 2);
    add("gun\nthree\nfo", 3, 4, 5);
    source.flush();
    const times = written.join("").replaceAll(/1970-01-01T00:00:0(\d)\.0{9}Z/g, "$1");
    expect(times).toBe("1 one\n2 begun\n4 three\n5 fo\n");
  });

  it("are told in pieces of 1 MiB when their end never comes", () => {
    const { made, written } = lines();
    const source = made.source("a");
    for (let piece = 0; piece < 100; piece++)
      source.add({ stream: "stdout", data: Buffer.alloc(16 * 1024, "x") });
    expect(written).toEqual([`a  | ${"x".repeat(1 << 20)}\n`]);
    source.flush();
    expect(written[1]).toBe(`a  | ${"x".repeat(36 * 16 * 1024)}\n`);
  });

  it("carry times with nine digits", () => {
    expect(nanoTime(1_700_000_000_000_000_001n)).toBe("2023-11-14T22:13:20.000000001Z");
  });

  it("begin with a container's name without its stack's", () => {
    expect(shortName("shop-db-1", "shop")).toBe("db-1");
    expect(shortName("own", "shop")).toBe("own");
  });
});
