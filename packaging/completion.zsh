#compdef longtake
# zsh completion for longtake; tests/system/package_test.py holds it against --help.
_arguments -C '--help[help]' '--version[version]' '1:command:(serve recordings check rebuild)' '*::argument:->rest'
if [[ $state == rest ]]; then
  case $words[1] in
    serve)
      _arguments '--data[folder for everything recorded]:folder:_files -/' '--listen[address of the HTTP interface]:address:' \
        '*--camera[a camera and its recording]:name=url:' '--segment-length[length of a file]:duration:' \
        '--keep[delete what is older]:duration:' '--max-total-size[room for all recordings]:size:' \
        '--min-free[room to leave free]:size or percent:' '--config[TOML file]:file:_files' \
        '--log-level[log level]:level:(trace debug info warning error)' '--help[help]' ;;
    recordings) _arguments '--url[the server]:url:' '--help[help]' '1:command:(list show)' '2:recording:' ;;
    check) _arguments '--quick[headers and summaries only]' '--help[help]' '1:folder:_files -/' ;;
    rebuild) _arguments '--help[help]' '1:folder:_files -/' ;;
  esac
fi
