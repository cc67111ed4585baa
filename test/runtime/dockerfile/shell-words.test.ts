// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax under test
import { describe, expect, it } from "vitest";
import { applyChanges, expandWord, expandWords } from "../../../src/runtime/dockerfile/index.ts";

const values: Readonly<Record<string, string>> = {
  A: "1",
  EMPTY: "",
  PATH: "/usr/local/bin:/bin",
  TWO: "x y",
  F: "a.tar.gz",
};
const options = { escape: "\\", variable: (name: string) => values[name] };

describe("words of a Dockerfile", () => {
  it.each([
    ["plain", "plain"],
    ["$A-${A}", "1-1"],
    ["$NOSUCH.", "."],
    ["\\$A", "$A"],
    ["'$A' \"$A\"", "$A 1"],
    ['"a\\"b\\c"', 'a"b\\c'],
    ["${NOSUCH:-def}", "def"],
    ["${EMPTY:-def}/${EMPTY-def}", "def/"],
    ["${A:+set}${EMPTY:+set}${EMPTY+set}", "setset"],
    ["${NOSUCH:-${A}b}", "1b"],
    ["${F%.*} ${F%%.*} ${F#*.} ${F##*.}", "a.tar a tar.gz gz"],
    ["${PATH/bin/X} ${PATH//bin/X}", "/usr/local/X:/bin /usr/local/X:/X"],
    ["$", "$"],
    ["a$/b", "a$/b"],
  ])("%s becomes %s", (text, expected) => {
    expect(expandWord(text, options)).toBe(expected);
  });

  it.each([
    ["${NOSUCH:?must be set}", "NOSUCH: must be set"],
    ["${A", "missing '}'"],
    ["'open", "matching single-quote"],
    ['"open', "matching double-quote"],
    ["${A!x}", "unsupported modifier (!)"],
  ])("%s is refused", (text, message) => {
    expect(() => expandWord(text, options)).toThrow(message);
  });

  it("part at blanks outside quotes, values included", () => {
    expect(expandWords("a \"b c\" $TWO '$TWO' d\\ e", options)).toEqual([
      "a",
      "b c",
      "x",
      "y",
      "$TWO",
      "d e",
    ]);
  });
});

describe("changes to an image's configuration", () => {
  it("add up in order", () => {
    const { config } = applyChanges({ env: ["A=0", "B=b"], cmd: ["old"] }, [
      "ENV A=$B C='x y'",
      "ENV OLD form with blanks",
      "EXPOSE 80 8000-8001/udp 8080:81 127.0.0.1:9:9/TCP",
      "VOLUME /data /logs",
      "USER app",
      "WORKDIR /a",
      "WORKDIR b",
      'LABEL k="v w" l=m',
      'ENTRYPOINT ["run"]',
      "STOPSIGNAL SIGINT",
      "HEALTHCHECK --interval=1m30s --retries=2 CMD curl -f localhost",
      "ONBUILD RUN make",
    ]);
    expect(config).toEqual({
      env: ["A=b", "B=b", "C=x y", "OLD=form with blanks"],
      exposedPorts: ["80/tcp", "8000/udp", "8001/udp", "81/tcp", "9/tcp"],
      volumes: ["/data", "/logs"],
      user: "app",
      workingDir: "/a/b",
      labels: { k: "v w", l: "m" },
      entrypoint: ["run"],
      stopSignal: "SIGINT",
      healthcheck: { test: ["CMD-SHELL", "curl -f localhost"], intervalMs: 90_000, retries: 2 },
      onBuild: ["RUN make"],
    });
  });

  it("keep a command of their own beside an entrypoint, and drop an inherited one", () => {
    expect(applyChanges({ cmd: ["old"] }, ["CMD new", "ENTRYPOINT run"]).config).toEqual({
      cmd: ["/bin/sh", "-c", "new"],
      entrypoint: ["/bin/sh", "-c", "run"],
    });
    expect(applyChanges({ cmd: ["old"] }, ["ENTRYPOINT run"]).config.cmd).toBeUndefined();
  });

  it.each([
    ["RUN ls", "RUN is not a valid change command"],
    ["EXPOSE 70000", "invalid containerPort: 70000"],
    ["EXPOSE 80/foo", 'invalid port: "80/foo": invalid proto: foo'],
    ["EXPOSE /udp", "no port specified"],
    ["EXPOSE x:80", "invalid hostPort: x"],
    ["EXPOSE 1:2:3", "invalid IP address: 1"],
    ["EXPOSE 1-3:7-8", "invalid ranges specified for container and host Ports: 7-8 and 1-3"],
    ['VOLUME ["/a b"', "unexpected end of statement while looking for matching double-quote"],
    ["STOPSIGNAL nope", "invalid signal: nope"],
    ["ENV =x", "ENV names can not be blank"],
    ["LABEL a=b c", "Syntax error - can't find ="],
    ["HEALTHCHECK FOO", 'Unknown type "FOO" in HEALTHCHECK'],
    ["ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"],
  ])("%s is refused", (change, message) => {
    expect(() => applyChanges({}, [change])).toThrow(message);
  });
});
