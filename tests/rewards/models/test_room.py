from rewards.models.load import frozen
from rewards.models.room import room


def test_a_text_has_the_room_of_the_model(model_folder):
    model, _ = frozen(model_folder())()
    assert room(model) == 512 and room(model, 100) == 100
