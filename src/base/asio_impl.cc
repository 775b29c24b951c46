// Asio compiled once, for everyone who links longtake::base (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
