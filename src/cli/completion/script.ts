/**
 * What a shell has to be told once: that `nspawnctl __complete -- WORDS...` knows what may come next. It answers with a line
 * for each, `WORD` or `WORD<tab>DESCRIPTION`; `:files` alone stands for files, and `:nospace` first means that more follows
 * without a space.
 */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell): string {
  return SCRIPT[shell];
}

const BASH = `# Completion of nspawnctl for bash. Made by: nspawnctl completion bash
_nspawnctl() {
  local line
  local -a answer
  COMPREPLY=()
  mapfile -t answer < <(command nspawnctl __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  local word=\${COMP_WORDS[COMP_CWORD]}
  [[ $word == = ]] && word=
  for line in "\${answer[@]}"; do
    case $line in
      :files) compopt -o default 2>/dev/null; return ;;
      :nospace) compopt -o nospace 2>/dev/null ;;
      *)
        line=\${line%%$'\\t'*}
        [[ $line == "$word"* ]] && COMPREPLY+=("$line")
        ;;
    esac
  done
}
complete -F _nspawnctl nspawnctl
`;

const ZSH = `#compdef nspawnctl
# Completion of nspawnctl for zsh. Made by: nspawnctl completion zsh
_nspawnctl() {
  local line word
  local -a answer known suffix
  answer=("\${(@f)$(command nspawnctl __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${answer[@]}"; do
    case $line in
      '') ;;
      :files) _files; return ;;
      :nospace) suffix=(-S '') ;;
      *$'\\t'*)
        word=\${line%%$'\\t'*}
        known+=("\${word//:/\\\\:}:\${line#*$'\\t'}")
        ;;
      *) known+=("\${line//:/\\\\:}") ;;
    esac
  done
  (( \${#known} )) && _describe nspawnctl known "\${suffix[@]}"
}
if [[ \${funcstack[1]} == _nspawnctl ]]; then
  _nspawnctl "$@"
else
  compdef _nspawnctl nspawnctl
fi
`;

const FISH = `# Completion of nspawnctl for fish. Made by: nspawnctl completion fish
function __nspawnctl_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l current (commandline -ct)
    set -l answer (command nspawnctl __complete -- $words "$current" 2>/dev/null)
    for line in $answer
        switch "$line"
            case ':files'
                __fish_complete_path "$current"
            case ':nospace'
            case '*'
                echo $line
        end
    end
end
complete -c nspawnctl -f -a '(__nspawnctl_complete)'
`;

const SCRIPT: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
