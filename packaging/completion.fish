# fish completion for longtake; tests/system/package_test.py holds it against --help.
complete -c longtake -f
complete -c longtake -l help -d 'Help'
complete -c longtake -n __fish_use_subcommand -l version -d 'Version'
complete -c longtake -n __fish_use_subcommand -a serve -d 'Record cameras, keep and show what was recorded'
complete -c longtake -n __fish_use_subcommand -a recordings -d 'Ask a running server what it records'
complete -c longtake -n __fish_use_subcommand -a check -d 'Verify a data folder'
complete -c longtake -n __fish_use_subcommand -a rebuild -d 'Make the catalog anew'
set -l serve '__fish_seen_subcommand_from serve'
complete -c longtake -n $serve -l data -x -a '(__fish_complete_directories)'
complete -c longtake -n $serve -l config -r -F
complete -c longtake -n $serve -l log-level -x -a 'trace debug info warning error'
complete -c longtake -n $serve -l listen -x
complete -c longtake -n $serve -l camera -x
complete -c longtake -n $serve -l segment-length -x
complete -c longtake -n $serve -l keep -x
complete -c longtake -n $serve -l max-total-size -x
complete -c longtake -n $serve -l min-free -x
complete -c longtake -n '__fish_seen_subcommand_from recordings' -a 'list show'
complete -c longtake -n '__fish_seen_subcommand_from recordings' -l url -x
complete -c longtake -n '__fish_seen_subcommand_from check' -l quick -d 'Headers and summaries only'
complete -c longtake -n '__fish_seen_subcommand_from check rebuild' -a '(__fish_complete_directories)'
