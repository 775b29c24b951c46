#include "sim/camera/sdp_writer.h"

#include <fmt/format.h>

#include "base/digest.h"

namespace longtake::camsim {
namespace {

std::string video_track(const MediaFile& media, double pictures_per_second,
                        const DescriptionSettings& settings) {
  std::string format = "packetization-mode=1";
  if (settings.has_parameter_sets) {
    format += fmt::format(";profile-level-id={};sprop-parameter-sets={},{}",
                          base::to_hex(media.sps.subspan(1, 3)), base::to_base64(media.sps),
                          base::to_base64(media.pps));
  }
  return fmt::format(
      "m=video 0 RTP/AVP {0}\r\na=rtpmap:{0} H264/90000\r\na=fmtp:{0} "
      "{1}\r\na=framerate:{2:.3f}\r\n"
      "a=control:video\r\n",
      kVideoPayloadType, format, pictures_per_second * settings.rate_factor);
}

std::string audio_track(const AudioTrack& audio) {
  return fmt::format(
      "m=audio 0 RTP/AVP {0}\r\na=rtpmap:{0} MPEG4-GENERIC/{1}/{2}\r\n"
      "a=fmtp:{0} "
      "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;"
      "config={3}\r\na=control:audio\r\n",
      kAudioPayloadType, audio.rate_hz, audio.channels, base::to_hex(audio.config));
}

std::string extra_tracks(const std::string& unknown_codec) {
  return fmt::format(
      "m=application 0 RTP/AVP 107\r\na=rtpmap:107 "
      "vnd.onvif.metadata/90000\r\na=control:extra1\r\n"
      "m=video 0 RTP/AVP 108\r\na=rtpmap:108 {}/90000\r\na=control:extra2\r\n",
      unknown_codec);
}

}  // namespace

std::string write_sdp(const MediaFile& media, double pictures_per_second,
                      const DescriptionSettings& settings) {
  std::string sdp = fmt::format(
      "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns={}\r\nc=IN IP4 0.0.0.0\r\nt=0 "
      "0\r\na=control:*\r\na=range:npt=now-\r\n",
      settings.title);
  if (settings.has_only_unknown) return sdp + extra_tracks(settings.unknown_codec);
  sdp += video_track(media, pictures_per_second, settings);
  if (media.audio && settings.has_audio) sdp += audio_track(*media.audio);
  if (settings.has_extra_tracks) sdp += extra_tracks(settings.unknown_codec);
  return sdp;
}

}  // namespace longtake::camsim
