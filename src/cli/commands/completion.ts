import type { CliCommand } from "../cli-command.ts";
import { usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";

export const completion: CliCommand = {
  usage: "<shell>",
  summary: "Print the completion script of bash, zsh or fish",
  help: [
    "bash:  stowage completion bash > /etc/bash_completion.d/stowage",
    'zsh:   stowage completion zsh > "$fpath[1]/_stowage"',
    "fish:  stowage completion fish > ~/.config/fish/completions/stowage.fish",
  ].join("\n"),
  declare: () => {},
  run: async (context: Context, [shell = ""]: readonly string[]) => {
    const script = SCRIPTS[shell];
    if (script === undefined) throw usageError(`No completion for "${shell}": there is bash, zsh and fish`);
    context.print(script);
  },
};

/** Each asks `stowage __complete WORD...`, which answers a line a candidate, `name<tab>what it is`. */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# bash completion of stowage
_stowage() {
  local line candidates=() cur="\${COMP_WORDS[COMP_CWORD]}"
  while IFS=$'\\t' read -r line _; do candidates+=("$line"); done < <(stowage __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [ "\${candidates[0]-}" = ":files" ]; then compopt -o default; COMPREPLY=(); return; fi
  mapfile -t COMPREPLY < <(compgen -W "\${candidates[*]}" -- "$cur")
  [[ \${COMPREPLY[0]-} == *= ]] && compopt -o nospace
}
complete -F _stowage stowage
`,
  zsh: `#compdef stowage
_stowage() {
  local line name text
  local -a candidates
  while IFS=$'\\t' read -r name text; do
    [[ $name == ":files" ]] && { _files; return; }
    candidates+=("\${name//:/\\\\:}\${text:+:$text}")
  done < <(stowage __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe stowage candidates
}
compdef _stowage stowage
`,
  fish: `# fish completion of stowage
function __stowage_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answer (stowage __complete $words[2..-1] 2>/dev/null)
  if test "$answer[1]" = ":files"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $answer
  end
end
complete -c stowage -f -a '(__stowage_complete)'
`,
};
