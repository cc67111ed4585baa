interface Difference {
  readonly compose: string;
  readonly stowage: string;
  readonly why: string;
}

const USAGE = "a wrong command line is exit code 16, to be told from a failure";
const FILES = "wrong files are exit code 15, whichever command finds it";

/** By script and line: the standard output and exit code of each, and why they are not the same. */
export const ALLOWED: Readonly<Record<string, Readonly<Record<string, Difference>>>> = {
  "config.sh": {
    "compose config --format nope": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose -p 'Not Good' config -q": { compose: "[1]", stowage: "[15]", why: FILES },
    "compose --env-file nope.env config -q": { compose: "[1]", stowage: "[15]", why: FILES },
  },
  "events.sh": {
    "compose events --json --since $since --until $until | jq -c keys | sort -u": {
      compose: '["action","attributes","id","service","time","type"]\n[1]',
      stowage: '["action","attributes","id","service","time","type"]\n[0]',
      why: "docker compose takes the end of --until for a failure",
    },
    "compose events --json --since $since --until $until web | jq -r 'select(.action | startswith(\"exec_\") | not) | [.type, .service, .action] | @tsv' | sort":
      {
        compose:
          "container\tweb\tcreate\ncontainer\tweb\tdie\ncontainer\tweb\tkill\ncontainer\tweb\tkill\ncontainer\tweb\tstart\ncontainer\tweb\tstop\n[1]",
        stowage:
          "container\tweb\tcreate\ncontainer\tweb\tdie\ncontainer\tweb\tkill\ncontainer\tweb\tkill\ncontainer\tweb\tstart\ncontainer\tweb\tstop\n[0]",
        why: "docker compose takes the end of --until for a failure",
      },
    "compose events --json --since $since --until $until web | jq -c 'select(.action == \"start\") | .attributes | keys'":
      {
        compose: '["image","name"]\n[1]',
        stowage: '["image","name"]\n[0]',
        why: "docker compose takes the end of --until for a failure",
      },
    "compose events --json --since $since --until $until web | jq -c 'select(.action == \"die\") | .attributes | [keys, .exitCode]'":
      {
        compose: '[["execDuration","exitCode","image","name"],"137"]\n[1]',
        stowage: '[["execDuration","exitCode","image","name"],"137"]\n[0]',
        why: "docker compose takes the end of --until for a failure",
      },
  },
  "formats.sh": {
    "compose ps -q fails; compose ps -aq fails | wc -l; compose ps --services fails": {
      compose: "1\n\n[0]",
      stowage: "1\n[0]",
      why: "no services are no line, not an empty one",
    },
  },
  "globals.sh": {
    "compose --parallel x ps -q >/dev/null": { compose: "[1]", stowage: "[16]", why: USAGE },
    "COMPOSE_PARALLEL_LIMIT=2 compose up -d worker; COMPOSE_PARALLEL_LIMIT=x compose ps -q >/dev/null": {
      compose: "[1]",
      stowage: "[0]",
      why: "only what pulls and builds reads the variable",
    },
    "COMPOSE_PROJECT_NAME='Not Good' compose ps -q": {
      compose: "[0]",
      stowage: "[16]",
      why: "a name that no stack can have is a slip, not an empty stack",
    },
    "COMPOSE_REMOVE_ORPHANS=1 COMPOSE_IGNORE_ORPHANS=1 compose up -d db": {
      compose: "[1]",
      stowage: "[16]",
      why: USAGE,
    },
    "for verb in publish bridge alpha; do compose $verb >/dev/null; echo $verb $?; done": {
      compose: "publish 1\nbridge 0\nalpha 0\n[0]",
      stowage: "publish 16\nbridge 16\nalpha 16\n[0]",
      why: "these commands are left out, and say so",
    },
  },
  "images.sh": {
    "compose pull --policy nope app": { compose: "[0]", stowage: "[16]", why: USAGE },
  },
  "life.sh": {
    "compose create --scale base=x": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose create --pull nope": { compose: "[1]", stowage: "[16]", why: USAGE },
    "trapped; compose pause app; compose up -d; echo up $?; state; compose unpause app >/dev/null; compose pause app; state":
      {
        compose:
          "up 1\none-app-1 paused 0\none-base-1 running 0\none-app-1 paused 0\none-base-1 running 0\n[0]",
        stowage:
          "up 0\none-app-1 running 0\none-base-1 running 0\none-app-1 paused 0\none-base-1 running 0\n[0]",
        why: "up brings what is paused to run as well: afterwards the stack is as the file says",
      },
    "compose pause app": {
      compose: "[1]",
      stowage: "[0]",
      why: "already so is a success here: what was asked for holds",
    },
    "compose pause # again": {
      compose: "[1]",
      stowage: "[0]",
      why: "already so is a success here: what was asked for holds",
    },
    "compose unpause # again": {
      compose: "[1]",
      stowage: "[0]",
      why: "already so is a success here: what was asked for holds",
    },
    "compose unpause app": {
      compose: "[1]",
      stowage: "[0]",
      why: "already so is a success here: what was asked for holds",
    },
    "for pair in app app=x app=-1 nope=1 ''; do compose scale $pair; echo \"$pair $?\"; done": {
      compose: "app 1\napp=x 1\napp=-1 2\nnope=1 1\n 1\n[0]",
      stowage: "app 16\napp=x 16\napp=-1 16\nnope=1 1\n 16\n[0]",
      why: USAGE,
    },
    "compose up -d; compose kill base; compose wait base": {
      compose: "[1]",
      stowage: 'container "ID64" exited with status code 137\n[137]',
      why: "wait tells of a container that has ended already, too: it is not lost when it ends first",
    },
  },
  "look.sh": {
    "compose images --format json | jq -c 'map(keys) | unique'": {
      compose: '[["ContainerName","ID","LastTagTime","Platform","Repository","Size","Tag"]]\n[0]',
      stowage: '[["ContainerName","Created","ID","LastTagTime","Platform","Repository","Size","Tag"]]\n[0]',
      why: "docker compose leaves the time out of an image that was imported; it is known here",
    },
    "compose top nope": {
      compose: "[0]",
      stowage: "[1]",
      why: "an unknown service is an error, as everywhere else",
    },
    "compose images nope": {
      compose:
        "CONTAINER           REPOSITORY          TAG                 PLATFORM            IMAGE ID            SIZE                CREATED\n[0]",
      stowage: "CONTAINER   REPOSITORY   TAG   PLATFORM   IMAGE ID   SIZE   CREATED\n[0]",
      why: "columns are as wide as their values",
    },
    "compose images --format json": {
      compose: "null\n\n[0]",
      stowage: "[]\n[0]",
      why: "no images are an empty array, which jq and every parser can go through",
    },
  },
  "run.sh": {
    "compose run": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose run --rm -T --no-deps base nope": {
      compose: "[1]",
      stowage: "[127]",
      why: "a command that cannot run is 126 or 127, as in docker run",
    },
    "compose run --rm -T --no-deps base /etc/passwd": {
      compose: "[1]",
      stowage: "[126]",
      why: "a command that cannot run is 126 or 127, as in docker run",
    },
    "compose run --rm -T --pull never --no-deps base echo pulled; compose run --rm -T --pull nope base true":
      { compose: "pulled\n[1]", stowage: "pulled\n[16]", why: USAGE },
    "compose exec app": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose exec": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose cp app:/files/one base:/tmp": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose cp one.txt two.txt": { compose: "[1]", stowage: "[16]", why: USAGE },
  },
  "up.sh": {
    "compose --profile tasks up -d once; compose down -t 0; state; compose --profile tasks down -t 0": {
      compose: "one-once-1 exited 0\n[0]",
      stowage: "[0]",
      why: "down leaves no container of the stack, whichever profiles are active by now",
    },
    "compose up --attach once --exit-code-from once once app | shown": {
      compose:
        "Attaching to once-1\napp-1 exited with code 3\napp-1 | up\nonce-1 exited with code 0\nonce-1 | once done\n[0]",
      stowage: "Attaching to once-1\nonce-1 exited with code 0\nonce-1 | once done\n[0]",
      why: "what is not attached is not shown",
    },
    "compose up --no-attach app --abort-on-container-exit once app | shown": {
      compose:
        "Attaching to once-1\napp-1 exited with code 3\napp-1 | up\nonce-1 exited with code 0\nonce-1 | once done\n[0]",
      stowage: "Attaching to once-1\nonce-1 exited with code 0\nonce-1 | once done\n[0]",
      why: "what is not attached is not shown",
    },
    "compose up --no-attach nope once | shown": {
      compose: "Attaching to once-1\nonce-1 exited with code 0\nonce-1 | once done\n[0]",
      stowage: "[1]",
      why: "an unknown service is an error, as everywhere else",
    },
  },
  "wrong.sh": {
    "compose -f nope.yaml ps -q": {
      compose: "[1]",
      stowage: "[0]",
      why: "the stack's name is enough to look and to take down, whatever the files say by now",
    },
    "compose -f nope.yaml config": { compose: "[1]", stowage: "[15]", why: FILES },
    "compose nope >/dev/null": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose --nope ps": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose ps --nope": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose up -d --build --no-build": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose up -d --force-recreate --no-recreate": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose up -d --abort-on-container-exit": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose up --abort-on-container-exit --abort-on-container-failure": {
      compose: "[1]",
      stowage: "[16]",
      why: USAGE,
    },
    "compose up -d -V --no-recreate": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose up -d --always-recreate-deps --no-recreate": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose up -d --attach web": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose up --attach web --attach-dependencies": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose up -d --watch": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose up -d --pull nope": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose up -d --scale web": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose up -d --timeout x": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose down --rmi nope": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose cp": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose port": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose port web": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose port web x": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose logs --tail x": { compose: "[0]", stowage: "[16]", why: USAGE },
    "compose ls --format nope": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose images --format nope": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose config --format": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose version --format nope >/dev/null": { compose: "[0]", stowage: "[16]", why: USAGE },
    "compose pull --policy nope": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose --ansi nope ps -q": { compose: "[0]", stowage: "[16]", why: USAGE },
    "compose --progress nope ps": { compose: "[1]", stowage: "[16]", why: USAGE },
    "compose help >/dev/null": { compose: "[1]", stowage: "[0]", why: "help was asked for and given" },
    "compose >/dev/null": { compose: "[0]", stowage: "[16]", why: USAGE },
    "printf 'services:\\n  a: { image: busybox, nope: 1 }\\n' > broken.yaml; compose -f broken.yaml config": {
      compose: "[1]",
      stowage: "[15]",
      why: FILES,
    },
    "compose -f broken.yaml up -d": { compose: "[1]", stowage: "[15]", why: FILES },
    "compose -f broken.yaml ps -q": {
      compose: "[1]",
      stowage: "[0]",
      why: "the stack's name is enough to look and to take down, whatever the files say by now",
    },
    "printf 'services: [' > syntax.yaml; compose -f syntax.yaml config": {
      compose: "[1]",
      stowage: "[15]",
      why: FILES,
    },
    "printf 'services:\\n  a: { image: busybox, depends_on: [ a ] }\\n' > cycle.yaml; compose -f cycle.yaml config -q":
      { compose: "[1]", stowage: "[15]", why: FILES },
    "printf 'services:\\n  a: { image: busybox, depends_on: [ b ] }\\n' > undefined.yaml; compose -f undefined.yaml config -q":
      { compose: "[1]", stowage: "[15]", why: FILES },
    "compose -f undefined.yaml ps -q": {
      compose: "[1]",
      stowage: "[0]",
      why: "the stack's name is enough to look and to take down, whatever the files say by now",
    },
    "printf 'services:\\n  a: { image: \"busybox:${NOPE:?must be set}\" }\\n' > required.yaml; compose -f required.yaml config -q":
      { compose: "[1]", stowage: "[15]", why: FILES },
    "compose -f required.yaml down": {
      compose: "[1]",
      stowage: "[0]",
      why: "the stack's name is enough to look and to take down, whatever the files say by now",
    },
  },
};
