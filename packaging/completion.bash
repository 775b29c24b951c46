# bash completion for longtake; tests/system/package_test.py holds it against --help.
_longtake() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words=
  COMPREPLY=()
  case $before in
    --data) COMPREPLY=($(compgen -d -- "$word")); return ;;
    --config) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --log-level) COMPREPLY=($(compgen -W 'trace debug info warning error' -- "$word")); return ;;
    --listen | --camera | --segment-length | --keep | --max-total-size | --min-free | --url) return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='serve recordings check rebuild --help --version'
  else
    case $command in
      serve) words='--data --listen --camera --segment-length --keep --max-total-size --min-free --config --log-level --help' ;;
      recordings) words='list show --url --help' ;;
      check) words='--quick --help' ;;
      rebuild) words='--help' ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  case $command in
    check | rebuild) [ "$COMP_CWORD" -eq 1 ] || COMPREPLY+=($(compgen -d -- "$word")) ;;
  esac
}
complete -o filenames -F _longtake longtake
