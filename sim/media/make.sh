#!/bin/sh
# Makes the media longtake-camsim plays, with Debian's ffmpeg and libx264. The small files are committed, so that tests
# do not depend on an encoder; this script says how each was made. Bit-exact for one version of ffmpeg and x264.
#
#   sim/media/make.sh            the committed files, into this folder
#   sim/media/make.sh bench      the 2 Mbit/s 1080p15 benchmark file, into build/bench-media (not committed)
#
#   front    640x360 15 fps, key every 2 s, 10 s, High, AUDs, + AAC 48 kHz mono: the ordinary camera
#   small    480x272 15 fps, key every 2 s, 4 s, Baseline: other parameter sets, for `params`
#   reorder  640x360 15 fps, key every 2 s, 4 s, 2 B-frames; reorder.pts holds each picture's presentation position
#   longgop  320x180 15 fps, one GOP of 10 s
#   voice    AAC 16 kHz mono, 4 s: another audio rate, for `params`
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
exact="-hide_banner -loglevel error -y -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -threads 1"

# scene WIDTH HEIGHT SECONDS LABEL: a moving test picture with a running clock.
scene() {
  size=$(($2 / 9))
  printf "testsrc2=size=%sx%s:rate=15:duration=%s,drawtext=font=DejaVu Sans Mono:fontcolor=white:fontsize=%s:box=1:boxcolor=black@0.7:boxborderw=8:x=(w-tw)/2:y=h-th-20:text='%s %%{pts\\:hms}'" \
    "$1" "$2" "$3" "$size" "$4"
}

# video FILE WIDTH HEIGHT SECONDS LABEL KBIT X264PARAMS PROFILE
video() {
  # shellcheck disable=SC2086
  ffmpeg $exact -f lavfi -i "$(scene "$2" "$3" "$4" "$5")" -pix_fmt yuv420p -c:v libx264 -preset slow -profile:v "$8" \
    -b:v "$6k" -maxrate "$6k" -bufsize "$((2 * $6))k" -x264-params "threads=1:scenecut=0:open-gop=0:$7" -f h264 "$1"
}

# audio FILE RATE SECONDS: a soft two-tone chime, one stroke a second.
audio() {
  # shellcheck disable=SC2086
  ffmpeg $exact -f lavfi \
    -i "aevalsrc='0.4*exp(-4*mod(t,1))*(sin(2*PI*660*t)+0.5*sin(2*PI*880*t))':s=$2:d=$3" -ac 1 -c:a aac -b:a 32k -f adts "$1"
}

# reordered FILE PTS: as video, 640x360 with B-frames; PTS gets each picture's presentation position, in decode order.
reordered() {
  mp4=$(mktemp --suffix=.mp4)
  # shellcheck disable=SC2086
  ffmpeg $exact -f lavfi -i "$(scene 640 360 4 reorder)" -pix_fmt yuv420p -c:v libx264 -preset slow -profile:v main \
    -b:v 250k -maxrate 250k -bufsize 500k \
    -x264-params "threads=1:scenecut=0:open-gop=0:keyint=30:min-keyint=30:bframes=2:b-adapt=0:b-pyramid=none:aud=1" "$mp4"
  # shellcheck disable=SC2086
  ffmpeg $exact -i "$mp4" -c copy -bsf:v h264_mp4toannexb -f h264 "$1"
  # An elementary stream has no times; the order comes from the container.
  ffprobe -v error -select_streams v -show_entries packet=pts -of csv=p=0 "$mp4" | tr -d ',' >"$mp4.txt"
  sort -n "$mp4.txt" | awk 'NR == FNR { position[$1] = NR - 1; next } { print position[$1] }' - "$mp4.txt" >"$2"
  rm -f "$mp4" "$mp4.txt"
}

if [ "${1:-}" = bench ]; then
  out=$root/build/bench-media
  mkdir -p "$out"
  # Noise keeps the encoder at its 2 Mbit/s; the file holds 10 s with a key frame every 2 s.
  # shellcheck disable=SC2086
  ffmpeg $exact -f lavfi -i "$(scene 1920 1080 10 bench),noise=alls=12:allf=t" -pix_fmt yuv420p -c:v libx264 \
    -preset veryfast -profile:v high -b:v 2000k -minrate 2000k -maxrate 2000k -bufsize 2000k \
    -x264-params "threads=1:scenecut=0:open-gop=0:keyint=30:min-keyint=30:bframes=0:nal-hrd=none" -f h264 "$out/bench.h264"
  audio "$out/bench.aac" 48000 10
  ls -l "$out"
  exit 0
fi

cd "$here"
video front.h264 640 360 10 front 300 "keyint=30:min-keyint=30:bframes=0:aud=1" high
video small.h264 480 272 4 small 200 "keyint=30:min-keyint=30:bframes=0" baseline
video longgop.h264 320 180 10 longgop 120 "keyint=150:min-keyint=150:bframes=0" high
audio front.aac 48000 10
audio voice.aac 16000 4
reordered reorder.h264 reorder.pts
ls -l
