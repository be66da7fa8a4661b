// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/relay/relay_messages.hpp"
#include "device/transport/transport.hpp"

namespace simroot::device {

/// ICCID, and what the IoT SAFE applet says of itself and its objects. A card without applet, or one that does not
/// answer, is introduced with the ICCID alone: the rest only saves the platform a question.
[[nodiscard]] Result<CardIntroduction> IntroduceCard(Transport& transport, Deadline deadline);

}  // namespace simroot::device
